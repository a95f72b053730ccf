open Js_of_ocaml

exception Fiber_failed of { name : string; message : string; error : Js.Unsafe.any }

(* Why a task failed, as both sides see it. [owner] says whose [origin] is: an exception is of use in the program that raised it. *)
class type failure =
  object
    method canceled : bool Js.t Js.readonly_prop
    method name : Js.js_string Js.t Js.readonly_prop
    method message : Js.js_string Js.t Js.readonly_prop
    method origin : Js.Unsafe.any Js.readonly_prop
    method owner : Js.Unsafe.any Js.readonly_prop
  end

class type ['a] task_object =
  object
    (* Calls one of the two once, at once if it has ended already; the result takes them back. *)
    method onSettled : ('a -> unit) Js.callback -> (failure Js.t -> unit) Js.callback -> (unit -> unit) Js.callback Js.meth
    method cancel : unit Js.meth
  end

type 'a task = 'a task_object

(* Tells the exceptions of this program from those of others. *)
let this_program : Js.Unsafe.any = Js.Unsafe.obj [||]

let message_of = function
  | Failure message | Invalid_argument message | Sys_error message -> message
  | exn -> Printexc.to_string exn

let failure ~canceled ~name ~message ~origin ~owner : failure Js.t =
  object%js
    val canceled = Js.bool canceled
    val name = Js.string name
    val message = Js.string message
    val origin = origin
    val owner = owner
  end

let encode exn =
  let canceled = match exn with Lwt.Canceled -> true | _ -> false in
  match exn with
  | Fiber_failed { name; message; error } -> failure ~canceled ~name ~message ~origin:error ~owner:(Js.Unsafe.inject Js.null)
  | _ ->
    let origin = Js.Unsafe.inject (Obj.magic exn : Js.Unsafe.any) in
    failure ~canceled ~name:(Printexc.exn_slot_name exn) ~message:(message_of exn) ~origin ~owner:this_program

let decode (failure : failure Js.t) =
  if Js.to_bool failure##.canceled then Lwt.Canceled
  else if failure##.owner == this_program then (Obj.magic failure##.origin : exn)
  else
    Fiber_failed
      { name = Js.to_string failure##.name; message = Js.to_string failure##.message; error = failure##.origin }

let to_js p : 'a task Js.t =
  object%js
    method onSettled ok fail =
      (* Cancelling a protected promise takes its callbacks off [p], and leaves [p] alone. *)
      let watched = Lwt.protected p in
      let stopped = ref false in
      Lwt.on_any watched
        (fun value -> if not !stopped then Js.Unsafe.fun_call ok [| Js.Unsafe.inject value |])
        (fun exn -> if not !stopped then Js.Unsafe.fun_call fail [| Js.Unsafe.inject (encode exn) |]);
      Js.wrap_callback (fun () ->
          stopped := true;
          Lwt.cancel watched)

    method cancel = Lwt.cancel p
  end

let of_js (task : 'a task Js.t) =
  let promise, resolver = Lwt.task () in
  let settle how = if Lwt.is_sleeping promise then how resolver in
  let (_ : (unit -> unit) Js.callback) =
    task##onSettled
      (Js.wrap_callback (fun value -> settle (fun r -> Lwt.wakeup_later r value)))
      (Js.wrap_callback (fun failure -> settle (fun r -> Lwt.wakeup_later_exn r (decode failure))))
  in
  Lwt.on_cancel promise (fun () -> task##cancel);
  promise
