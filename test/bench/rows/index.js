// @ts-check
// The rows, in the order of the table.

import callTree from "./call-tree.js";
import cancel from "./cancel.js";
import crossingIn from "./crossing-in.js";
import crossingOut from "./crossing-out.js";
import depth from "./depth.js";
import events from "./events.js";
import executorPool from "./executor-pool.js";
import fileCopy from "./file-copy.js";
import forkJoin from "./fork-join.js";
import fromNode from "./from-node.js";
import heap from "./heap.js";
import http from "./http.js";
import limit from "./limit.js";
import lines from "./lines.js";
import mapTurn from "./map-turn.js";
import map from "./map.js";
import observable from "./observable.js";
import pingPong from "./ping-pong.js";
import recursion from "./recursion.js";
import stream from "./stream.js";
import tcpEcho from "./tcp-echo.js";

/** @type {readonly import("../row.js").Row[]} */
export const rows = [
  forkJoin,
  callTree,
  pingPong,
  depth,
  recursion,
  stream,
  cancel,
  heap,
  map,
  mapTurn,
  crossingIn,
  crossingOut,
  observable,
  events,
  fromNode,
  limit,
  executorPool,
  tcpEcho,
  http,
  lines,
  fileCopy,
];

/**
 * The work of a row, as the tables name it.
 * @param {Pick<import("../row.js").Row, "title" | "size" | "of">} row
 */
export const workOf = ({ title, size, of }) => `${title}: ${size.toLocaleString("en")} ${of}`;
