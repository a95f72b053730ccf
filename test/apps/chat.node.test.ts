/**
 * A chat, a line a message. Each member has a fiber that reads what they say and one that writes what they are told, with a queue of
 * limited length between the room and the writer: who does not listen is shown out, and nobody waits for them.
 */
import { describe, expect, it } from "vitest";
import {
  BufRead,
  BufferLimitExceeded,
  Deferred,
  Fiber,
  Flow,
  IpAddress,
  Stream,
  Switch,
  type ConnectionErrorHandler,
  type ListeningSocket,
  type Net,
  type Op,
  type Sink,
  type StreamAddress,
  type StreamSocket,
} from "trestle";
import { run } from "trestle/node";

/** The longest line that anybody may say, in bytes. */
const LONGEST = 1_000;
/** How many messages somebody may be behind. */
const PATIENCE = 100;

/** Somebody is told more than they read. */
class TooSlow extends Error {
  override readonly name = "TooSlow";
}

interface Member {
  readonly name: string;
  readonly told: Stream<string>;
  readonly showOut: (why: Error) => void;
}

/** Who is there, and what is told to all of them. Between two `yield*` nobody else runs, so that this needs no lock. */
class Room {
  private readonly members = new Map<string, Member>();

  get names(): string[] {
    return [...this.members.keys()].sort();
  }

  enter(member: Member): boolean {
    if (member.name === "" || this.members.has(member.name)) return false;
    this.tell(`* ${member.name} is here`);
    this.members.set(member.name, member);
    return true;
  }

  leave(member: Member): void {
    this.members.delete(member.name);
    this.tell(`* ${member.name} has left`);
  }

  tell(message: string, except?: Member): void {
    for (const member of this.members.values()) {
      if (member === except) continue;
      if (!member.told.tryAdd(message)) member.showOut(new TooSlow(`${member.name} does not read what is said`));
    }
  }
}

/** Serves one member from their name to their last word. */
function* attend(room: Room, connection: StreamSocket): Op<void> {
  yield* Switch.run(
    function* (sw) {
      const lines = new BufRead(connection, { maxSize: LONGEST });
      yield* Flow.copyString("Your name?\n", connection);
      const name = (yield* lines.line()).trim();
      const member: Member = { name, told: new Stream(PATIENCE), showOut: (why) => sw.fail(why) };
      if (!room.enter(member)) return yield* Flow.copyString("* that name is taken\n", connection);
      try {
        yield* Flow.copyString(`* here are: ${room.names.join(", ")}\n`, connection);
        yield* Fiber.forkDaemon(sw, () => tellMember(member, connection));
        const said = lines.lines();
        while (yield* said.next()) room.tell(`${name}: ${said.value}`, member);
      } finally {
        room.leave(member);
      }
    },
    { name: "member" },
  );
}

function* tellMember({ told }: Member, sink: Sink): Op<never> {
  for (;;) yield* Flow.copyString(`${yield* told.take()}\n`, sink);
}

function* serveChat(socket: ListeningSocket, stop: Deferred<void>, onError: ConnectionErrorHandler): Op<void> {
  const room = new Room();
  yield* socket.serve((connection) => attend(room, connection), { stop, onError });
}

/** Somebody at a terminal, for tests: says lines, and waits for those that they expect. */
class Guest {
  private constructor(
    private readonly connection: StreamSocket,
    private readonly heard: BufRead,
  ) {}

  static *arrive(net: Net, address: StreamAddress, sw: Switch, name: string): Op<Guest> {
    const connection = yield* net.connect(address, { sw });
    const guest = new Guest(connection, new BufRead(connection, { maxSize: 65_536 }));
    yield* guest.hears("Your name?");
    yield* guest.says(name);
    return guest;
  }

  says(text: string): Op<void> {
    return Flow.copyString(`${text}\n`, this.connection);
  }

  *hears(...expected: string[]): Op<void> {
    for (const text of expected) expect(yield* this.heard.line()).toBe(text);
  }

  hearsSomething(): Op<string> {
    return this.heard.line();
  }

  *isAlone(): Op<boolean> {
    return yield* this.heard.atEndOfInput();
  }

  *leaves(): Op<void> {
    yield* this.connection.shutdown("send");
  }

  *hangsUp(): Op<void> {
    yield* this.connection.destroy();
  }
}

/** An evening: a room, whoever comes, and what went wrong. */
function evening(body: (arrive: (name: string) => Op<Guest>) => Op<void>): Promise<string[]> {
  return run((env) =>
    Switch.run(function* (sw) {
      const errors: string[] = [];
      const socket = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
      const [stop, stopping] = Deferred.create<void>();
      yield* Fiber.both(
        () => serveChat(socket, stop, (error) => void errors.push(String(error))),
        function* () {
          yield* Switch.run((guests) => body((name) => Guest.arrive(env.net, socket.address, guests, name)));
          stopping.resolve();
        },
      );
      return errors;
    }),
  );
}

describe("a chat", () => {
  it("tells everybody what each one says, and who comes and goes", async () => {
    const errors = await evening(function* (arrive) {
      const ada = yield* arrive("ada");
      yield* ada.hears("* here are: ada");
      const bob = yield* arrive("bob");
      yield* bob.hears("* here are: ada, bob");
      yield* ada.hears("* bob is here");
      yield* ada.says("good evening");
      yield* bob.hears("ada: good evening");
      yield* bob.says("hello");
      yield* ada.hears("bob: hello");
      yield* bob.leaves();
      yield* ada.hears("* bob has left");
    });
    expect(errors).toEqual([]);
  });

  it("turns away who takes somebody's name", async () => {
    const errors = await evening(function* (arrive) {
      const ada = yield* arrive("ada");
      yield* ada.hears("* here are: ada");
      const other = yield* arrive("ada");
      yield* other.hears("* that name is taken");
      expect(yield* other.isAlone()).toBe(true);
    });
    expect(errors).toEqual([]);
  });

  it("shows out who says too much at once; the others are told", async () => {
    const errors = await evening(function* (arrive) {
      const ada = yield* arrive("ada");
      yield* ada.hears("* here are: ada");
      const loud = yield* arrive("loud");
      yield* ada.hears("* loud is here");
      yield* loud.says("a".repeat(LONGEST + 1));
      yield* ada.hears("* loud has left");
    });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(BufferLimitExceeded.name);
  });

  it("shows out who does not listen, and nobody else waits for them", async () => {
    const errors = await evening(function* (arrive) {
      const ada = yield* arrive("ada");
      yield* ada.hears("* here are: ada");
      yield* arrive("deaf");
      yield* ada.hears("* deaf is here");
      const bob = yield* arrive("bob");
      yield* ada.hears("* bob is here");
      yield* bob.hears("* here are: ada, bob, deaf");
      // As much as it takes to fill what the system keeps for somebody who does not read.
      const text = "b".repeat(LONGEST - 1);
      let spoken = 0;
      // Bob waits until ada has heard him, so that only one of them falls behind.
      do {
        yield* bob.says(text);
        spoken++;
      } while ((yield* ada.hearsSomething()) !== "* deaf has left");
      expect(spoken).toBeGreaterThan(PATIENCE);
    });
    const [shownOut, ...others] = errors;
    expect(shownOut).toBe("TooSlow: deaf does not read what is said");
    // Bob has gone without hearing that deaf was shown out.
    expect(others.filter((error) => !error.includes("Connection_reset"))).toEqual([]);
  });

  it("is not disturbed by who just hangs up", async () => {
    const errors = await evening(function* (arrive) {
      const ada = yield* arrive("ada");
      yield* ada.hears("* here are: ada");
      const bob = yield* arrive("bob");
      yield* ada.hears("* bob is here");
      yield* bob.hangsUp();
      yield* ada.hears("* bob has left");
    });
    expect(errors.every((error) => error.includes("Connection_reset"))).toBe(true);
  });
});
