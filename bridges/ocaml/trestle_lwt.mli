(** The OCaml side of the bridge between Lwt and fibers.

    A program compiled by js_of_ocaml and a JavaScript program share one event loop. What crosses is a {!task}: a JavaScript object that
    both sides can wait for and cancel. [fromLwt] and [toLwt] of [@trestle/bridges/lwt] are its JavaScript side. *)

open Js_of_ocaml

type 'a task
(** A promise of either side. Values cross as they are: give it what JavaScript understands, such as numbers and [Js.js_string Js.t]. *)

exception Fiber_failed of { name : string; message : string; error : Js.Unsafe.any }
(** A JavaScript error that a fiber failed with. [error] is the error itself; it crosses back as the same object. *)

val to_js : 'a Lwt.t -> 'a task Js.t
(** [to_js p] can be given to JavaScript code, which waits for it with [fromLwt]. When the waiting fiber is cancelled, so is [p].
    An exception keeps its constructor name and message, and crosses back as the same exception. {!Lwt.Canceled} is a cancellation on
    the other side. *)

val of_js : 'a task Js.t -> 'a Lwt.t
(** [of_js task] is a promise of what a fiber does, made by [toLwt]; or of another OCaml program, made by its {!to_js}.
    {!Lwt.cancel} cancels the fiber. It fails with {!Fiber_failed} when the fiber fails with a JavaScript error, with the original
    exception when that is one of this program, and with {!Lwt.Canceled} when the fiber is cancelled. *)
