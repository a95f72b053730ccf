// The contract of the portable worlds, adapter by adapter. A new world is a file and a row.

import * as abortExports from "@trestle/bridges/abort";
import * as asyncIterableExports from "@trestle/bridges/async-iterable";
import * as callbackExports from "@trestle/bridges/callback";
import * as contextExports from "@trestle/bridges/context";
import * as disposableExports from "@trestle/bridges/disposable";
import * as effectExports from "@trestle/bridges/effect";
import * as effectionExports from "@trestle/bridges/effection";
import * as eventsExports from "@trestle/bridges/events";
import * as limitExports from "@trestle/bridges/limit";
import * as listenExports from "@trestle/bridges/listen";
import * as lwtExports from "@trestle/bridges/lwt";
import * as observableExports from "@trestle/bridges/observable";
import * as pairExports from "@trestle/bridges/pair";
import * as promiseExports from "@trestle/bridges/promise";
import * as rxjsExports from "@trestle/bridges/rxjs";
import * as timersExports from "@trestle/bridges/timers";
import { conformance } from "./conformance.js";
import { expectNoUnhandledRejections } from "./world.js";
import { asyncIterable } from "./worlds/async-iterable.js";
import { callback } from "./worlds/callback.js";
import { effect } from "./worlds/effect.js";
import { effection } from "./worlds/effection.js";
import { events } from "./worlds/events.js";
import { limit } from "./worlds/limit.js";
import { lwt } from "./worlds/lwt.js";
import { observable } from "./worlds/observable.js";
import { promise } from "./worlds/promise.js";
import { rxjs } from "./worlds/rxjs.js";

expectNoUnhandledRejections();

conformance("promise", promise, promiseExports);
conformance("abort", undefined, abortExports);
conformance("callback", callback, callbackExports);
conformance("events", events, eventsExports);
conformance("listen", undefined, listenExports);
conformance("observable", observable, observableExports);
conformance("rxjs", rxjs, rxjsExports);
conformance("limit", limit, limitExports);
conformance("async-iterable", asyncIterable, asyncIterableExports);
conformance("disposable", undefined, disposableExports);
conformance("pair", undefined, pairExports);
conformance("context", undefined, contextExports);
conformance("timers", undefined, timersExports);
conformance("lwt", lwt, lwtExports);
conformance("effect", effect, effectExports);
conformance("effection", effection, effectionExports);
