(* A program of its own that knows JavaScript only by what it is given: the bridge is tested against it. *)

open Js_of_ocaml
open Lwt.Infix
module Lwt_js = Js_of_ocaml_lwt.Lwt_js

exception Out_of_stock of string

let log : Js.js_string Js.t Js.js_array Js.t = new%js Js.array_empty
let note text = ignore (log##push (Js.string text))

let pick name =
  Lwt_js.sleep 0.005 >>= fun () ->
  if name = "nothing" then Lwt.fail (Out_of_stock name)
  else if name = "broken" then failwith "the shelf is broken"
  else Lwt.return (String.length name)

(* Cleans up when it is cancelled, which takes a while. *)
let work () =
  Lwt.finalize
    (fun () -> note "work begins"; Lwt_js.sleep 3600. >|= fun () -> note "work ends")
    (fun () -> Lwt_js.sleep 0.005 >|= fun () -> note "cleaned up")

let forever : unit Lwt.t = fst (Lwt.wait ())

let describe = function
  | Trestle_lwt.Fiber_failed { name; message; _ } -> Printf.sprintf "fiber failed: %s: %s" name message
  | Lwt.Canceled -> "canceled"
  | Out_of_stock name -> "out of stock: " ^ name
  | exn -> Printexc.to_string exn

let () =
  Js.export "program"
    (object%js
       val log = log
       method now (n : int) = Trestle_lwt.to_js (Lwt.return n)
       method pick name = Trestle_lwt.to_js (pick (Js.to_string name))
       method work = Trestle_lwt.to_js (work ())
       method forever = Trestle_lwt.to_js forever
       method canceled : unit Trestle_lwt.task Js.t = Trestle_lwt.to_js (Lwt.fail Lwt.Canceled)

       (* Waits for a fiber, and says how it ended. *)
       method await task =
         Trestle_lwt.to_js
           (Lwt.catch
              (fun () -> Trestle_lwt.of_js task >|= fun (n : int) -> Js.string (Printf.sprintf "got %d" n))
              (fun exn -> Lwt.return (Js.string (describe exn))))

       (* Passes on what a fiber does, failures included. *)
       method pass (task : int Trestle_lwt.task Js.t) = Trestle_lwt.to_js (Trestle_lwt.of_js task)

       (* Gives a fiber [seconds]. *)
       method limit (seconds : float) (task : int Trestle_lwt.task Js.t) =
         Trestle_lwt.to_js
           (Lwt.pick
              [
                (Trestle_lwt.of_js task >|= fun n -> Js.string (string_of_int n));
                (Lwt_js.sleep seconds >|= fun () -> Js.string "too late");
              ])

       method sum (a : int Trestle_lwt.task Js.t) (b : int Trestle_lwt.task Js.t) =
         Trestle_lwt.to_js (Lwt.both (Trestle_lwt.of_js a) (Trestle_lwt.of_js b) >|= fun (x, y) -> x + y)
    end)
