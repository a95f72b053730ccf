// Jobs over a queue of BullMQ: the same jobs as in other threads, done by workers in other processes and on other machines.
//
// |             | the side that submits (`queueTransport`)                    | the side that works (`serveQueue`)                  |
// |-------------|-------------------------------------------------------------|-----------------------------------------------------|
// | cancel      | a job that waits is taken out of the queue; one that runs   | the fiber of the job; its end is the answer         |
// |             | is told to stop, and waited for, at most for `grace`        |                                                     |
// | owner       | the switch closes the connections                           | the fiber: its jobs go back into the queue          |
// | error       | a copy: class, code, steps, cause, stack; `DomainLost` when | what the job throws; tried again while there are    |
// |             | the workers that had it were lost                           | `attempts` left                                     |
// | how often   | at least once: a job whose worker is lost is done again     | -                                                   |
// | buffer      | in Redis                                                    | `concurrency` jobs at once                          |

export { serveQueue, type ServeQueueOptions } from "./bullmq/serving.js";
export { queueTransport, type QueueTransportOptions } from "./bullmq/submitting.js";
export type { QueueOptions } from "./bullmq/queue.js";
