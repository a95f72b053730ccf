// `trestle/mock`: a world without surprises, for tests.

export { run, type MockRunOptions } from "./run.js";
export { mockEnv, type MockEnv, type MockEnvOptions } from "./env.js";
export { Handler } from "./handler.js";
export { mapAction, runAction, type Action } from "./action.js";
export { MockClock, type MockClockOptions } from "./clock.js";
export { MockDomainManager, type MockDomainManagerOptions } from "./domain.js";
export { MockFs, MockLink, type FsOperation, type MockFaultOptions, type MockFsOptions, type MockTree } from "./fs.js";
export { MockFlow, type MockFlowOptions } from "./flow.js";
export { MockListeningSocket, MockNet } from "./net.js";
export {
  MockProcessManager,
  type MockAnswer,
  type MockProcess,
  type MockProcessManagerOptions,
  type MockProgram,
} from "./process.js";
export { MockRandom } from "./random.js";
export { MockSignals } from "./signals.js";
