// `trestle/mock`: a world without surprises, for tests.

export { run, type MockEnv, type MockRunOptions } from "./run.js";
export { MockClock, type MockClockOptions } from "./clock.js";
