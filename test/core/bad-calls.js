// Wrong calls, as programs without types make them: what is called, and the error that says what is wrong with it.

import { BufRead, BufWrite, Flow, IpAddress, Parser, showAddress } from "trestle";

const u8 = new Uint8Array(4);
/** Half of a character: no text in UTF-8. */
const lone = "\ud800";
const src = () => Flow.stringSource("hello");
const sink = () => Flow.bufferSink();

/** By what they are about; each is a call and its error. */
export const badCalls = {
  flow: [
    [
      () => Flow.singleRead(null, u8),
      'TypeError: Flow.singleRead: "source" must be a source (something with a read method), got null',
    ],
    [
      () => Flow.singleRead({}, u8),
      'TypeError: Flow.singleRead: "source" must be a source (something with a read method), got an object',
    ],
    [
      () => Flow.singleRead(src(), "x"),
      'TypeError: Flow.singleRead: "buffer" must be a Uint8Array, got the string "x"',
    ],
    [() => Flow.singleRead(src(), []), 'TypeError: Flow.singleRead: "buffer" must be a Uint8Array, got an array'],
    [
      () => Flow.singleRead(src(), new Uint8Array(0)),
      "InvalidArgument: Flow.singleRead: the buffer has no room for a byte",
    ],
    [
      () => Flow.readExact(src(), new ArrayBuffer(4)),
      'TypeError: Flow.readExact: "buffer" must be a Uint8Array, got an object of class ArrayBuffer',
    ],
    [
      () => Flow.readAll(undefined),
      'TypeError: Flow.readAll: "source" must be a source (something with a read method), got undefined',
    ],
    [
      () => Flow.readAll(Flow.bytesSource([new Uint8Array([255])])),
      "TypeError: The bytes are not UTF-8; take them as bytes",
    ],
    [
      () => Flow.singleWrite(null, [u8]),
      'TypeError: Flow.singleWrite: "sink" must be a sink (something with a write method), got null',
    ],
    [
      () => Flow.singleWrite(sink(), u8),
      'TypeError: Flow.singleWrite: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
    ],
    [
      () => Flow.singleWrite(sink(), ["x"]),
      'TypeError: Flow.singleWrite: "buffers[0]" must be a Uint8Array, got the string "x"',
    ],
    [
      () => Flow.singleWrite(sink(), undefined),
      'TypeError: Flow.singleWrite: "buffers" must be an array of Uint8Arrays, got undefined',
    ],
    [
      () => Flow.write(sink(), u8),
      'TypeError: Flow.write: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
    ],
    [() => Flow.write(sink(), ["x"]), 'TypeError: Flow.write: "buffers[0]" must be a Uint8Array, got the string "x"'],
    [
      () => Flow.write(sink(), "x"),
      'TypeError: Flow.write: "buffers" must be an array of Uint8Arrays, got the string "x"',
    ],
    [() => Flow.write(sink(), null), 'TypeError: Flow.write: "buffers" must be an array of Uint8Arrays, got null'],
    [() => Flow.write(sink(), [null]), 'TypeError: Flow.write: "buffers[0]" must be a Uint8Array, got null'],
    [
      () => Flow.write({ *write() {} }, [1]),
      'TypeError: Flow.write: "buffers[0]" must be a Uint8Array, got the number 1',
    ],
    [
      () => Flow.copy(null, sink()),
      'TypeError: Flow.copy: "source" must be a source (something with a read method), got null',
    ],
    [
      () => Flow.copy(src(), null),
      'TypeError: Flow.copy: "sink" must be a sink (something with a write method), got null',
    ],
    [() => Flow.copyString(1, sink()), 'TypeError: Flow.copyString: "text" must be a string, got the number 1'],
    [
      () => Flow.bytesSource(u8),
      'TypeError: Flow.bytesSource: "chunks" must be an array of Uint8Arrays, got an op (or another iterable)',
    ],
    [() => Flow.bytesSource([1]), 'TypeError: Flow.bytesSource: "chunks[0]" must be a Uint8Array, got the number 1'],
    [() => Flow.stringSource(1), 'TypeError: Flow.stringSource: "text" must be a string, got the number 1'],
    [
      () => Flow.shutdown(null, "all"),
      'TypeError: Flow.shutdown: "flow" must be a flow (something with a shutdown method), got null',
    ],
    [
      () => Flow.shutdown({}, "up"),
      'TypeError: Flow.shutdown: "which" must be "receive", "send" or "all", got the string "up"',
    ],
    [() => Flow.shutdown({}, "all"), "IoError: Not_available, shutting down a flow"],
    [() => Flow.close(null), 'TypeError: Flow.close: "sink" must be a sink (something with a close method), got null'],
    [
      () => Flow.close({ *write() {} }),
      'TypeError: Flow.close: "sink" must be a sink (something with a close method), got an object',
    ],
    [() => sink().write("x"), 'TypeError: write: "bytes" must be a Uint8Array, got the string "x"'],
    [
      () => sink().writeSome("x"),
      'TypeError: writeSome: "buffers" must be an array of Uint8Arrays, got the string "x"',
    ],
    [() => src().read("x"), 'TypeError: read: "buffer" must be a Uint8Array, got the string "x"'],
    [
      () =>
        src().lend(function* () {
          return -1;
        }),
      "InvalidArgument: Flow.bytesSource: the flow says that it used -1 bytes, of 5",
    ],
    [() => Flow.null.read("x"), "EndOfFile: end of file"],
  ],
  bufread: [
    [
      () => new BufRead(null, { maxSize: 1 }),
      'TypeError: new BufRead: "source" must be a source (something with a read method), got null',
    ],
    [() => new BufRead(src()), 'TypeError: new BufRead: "options" must be { maxSize }, got undefined'],
    [() => new BufRead(src(), { maxSize: 0 }), "InvalidArgument: Max size 0 should be positive!"],
    [() => new BufRead(src(), { maxSize: -1 }), "InvalidArgument: Max size -1 should be positive!"],
    [
      () => new BufRead(src(), { maxSize: NaN }),
      'TypeError: new BufRead: "options.maxSize" must be a number, got the number NaN',
    ],
    [
      () => new BufRead(src(), { maxSize: "5" }),
      'TypeError: new BufRead: "options.maxSize" must be a number, got the string "5"',
    ],
    [
      () => new BufRead(src(), { maxSize: 1.5 }),
      'InvalidArgument: new BufRead: "options.maxSize" must be a whole number of bytes, got 1.5',
    ],
    [() => new BufRead(src(), { maxSize: 5, initialSize: 0 }), "InvalidArgument: Initial size 0 should be positive!"],
    [
      () => new BufRead(src(), { maxSize: 5, initialSize: 1.5 }),
      'InvalidArgument: new BufRead: "options.initialSize" must be a whole number of bytes, got 1.5',
    ],
    [
      () => new BufRead(src(), { maxSize: 5, initialSize: 0.5 }),
      'InvalidArgument: new BufRead: "options.initialSize" must be a whole number of bytes, got 0.5',
    ],
    [
      () => new BufRead(src(), { maxSize: Infinity, initialSize: Infinity }),
      'InvalidArgument: new BufRead: "options.initialSize" must be a whole number of bytes, got Infinity',
    ],
    [
      () => new BufRead(src(), { maxSize: 0.5 }),
      'InvalidArgument: new BufRead: "options.maxSize" must be a whole number of bytes, got 0.5',
    ],
    [
      () => new BufRead(src(), { maxSize: 0.5 }).line(),
      'InvalidArgument: new BufRead: "options.maxSize" must be a whole number of bytes, got 0.5',
    ],
    [() => BufRead.ofBytes("x"), 'TypeError: BufRead.ofBytes: "bytes" must be a Uint8Array, got the string "x"'],
    [() => BufRead.ofString(1), 'TypeError: BufRead.ofString: "text" must be a string, got the number 1'],
    [() => BufRead.ofString("x").ensure(-1), "InvalidArgument: ensure: -1 is negative!"],
    [
      () => BufRead.ofString("x").ensure(NaN),
      'TypeError: BufRead.ensure: "n" must be a whole number, got the number NaN',
    ],
    [
      () => BufRead.ofString("x").ensure(1.5),
      'TypeError: BufRead.ensure: "n" must be a whole number, got the number 1.5',
    ],
    [
      () => BufRead.ofString("x").ensure("1"),
      'TypeError: BufRead.ensure: "n" must be a whole number, got the string "1"',
    ],
    [
      () => BufRead.ofString("x").ensure(Infinity),
      'TypeError: BufRead.ensure: "n" must be a whole number, got the number Infinity',
    ],
    [() => BufRead.ofString("x").ensure(2 ** 60), "EndOfFile: end of file"],
    [() => BufRead.ofString("x").consume("1"), "InvalidArgument: Can't consume 1 bytes of a 1 byte buffer!"],
    [() => BufRead.ofString("x").consume(5), "InvalidArgument: Can't consume 5 bytes of a 1 byte buffer!"],
    [() => BufRead.ofString("x").take(NaN), 'TypeError: BufRead.take: "n" must be a whole number, got the number NaN'],
    [() => BufRead.ofString("x").take(-1), "InvalidArgument: take: -1 is negative!"],
    [() => BufRead.ofString("x").takeBytes(-1), "InvalidArgument: takeBytes: -1 is negative!"],
    [
      () => BufRead.ofString("x").takeBytes(""),
      'TypeError: BufRead.takeBytes: "n" must be a whole number, got the string ""',
    ],
    [() => BufRead.ofString("x").skip(-1), "InvalidArgument: skip: -1 is negative!"],
    [
      () => BufRead.ofString("x").skip(Infinity),
      'TypeError: BufRead.skip: "n" must be a whole number, got the number Infinity',
    ],
    [() => BufRead.ofString("x").skip(), 'TypeError: BufRead.skip: "n" must be a whole number, got undefined'],
    [
      () => BufRead.ofString("x").char(1),
      'TypeError: BufRead.char: "expected" must be a character of one byte, got the number 1',
    ],
    [
      () => BufRead.ofString("x").char(""),
      'TypeError: BufRead.char: "expected" must be a character of one byte, got the string ""',
    ],
    [
      () => BufRead.ofString("x").char("ab"),
      'TypeError: BufRead.char: "expected" must be a character of one byte, got the string "ab"',
    ],
    [
      () => BufRead.ofString("x").char(lone),
      'TypeError: BufRead.char: "expected" must be a character of one byte, got the string "\\ud800"',
    ],
    [() => BufRead.ofString("x").string(1), 'TypeError: BufRead.string: "expected" must be a string, got the number 1'],
    [() => BufRead.ofString("x").string(lone), 'Failure: Expected "\\ud800" but got "x"'],
    [
      () => BufRead.ofString("x").takeWhile(1),
      'TypeError: BufRead.takeWhile: "test" must be a function, got the number 1',
    ],
    [() => BufRead.ofString("x").skipWhile(), 'TypeError: BufRead.skipWhile: "test" must be a function, got undefined'],
    [
      () => BufRead.ofString("x").skipWhile1(),
      'TypeError: BufRead.skipWhile1: "test" must be a function, got undefined',
    ],
    [
      () => BufRead.ofString("x").takeWhile1(),
      'TypeError: BufRead.takeWhile1: "test" must be a function, got undefined',
    ],
    [() => BufRead.ofString("x").iterate(), 'TypeError: BufRead.iterate: "parser" must be a function, got undefined'],
    [
      () => BufRead.ofString("x").iterate((r) => r.line(), { stop: 1 }),
      'TypeError: BufRead.iterate: "options.stop" must be a function, got the number 1',
    ],
    [
      () =>
        BufRead.ofString("x").takeWhile(() => {
          throw new Error("mine");
        }),
      "Error: mine",
    ],
    [() => BufRead.ofBytes(new Uint8Array([255, 10])).line(), "Failure: Invalid UTF-8"],
    [() => BufRead.ofBytes(new Uint8Array([255, 10])).take(1), "Failure: Invalid UTF-8"],
    [() => BufRead.ofBytes(new Uint8Array([255, 10])).takeAll(), "Failure: Invalid UTF-8"],
    [() => BufRead.ofBytes(new Uint8Array([255, 10])).takeWhile(() => true), "Failure: Invalid UTF-8"],
    [
      () => BufRead.ofString("x").asFlow().read("x"),
      'TypeError: read: "buffer" must be a Uint8Array, got the string "x"',
    ],
    [
      () =>
        BufRead.ofString("x")
          .asFlow()
          .lend(function* () {
            return -1;
          }),
      "InvalidArgument: Can't consume -1 bytes of a 1 byte buffer!",
    ],
    [
      () =>
        new BufRead(
          {
            *read() {
              return 0;
            },
          },
          { maxSize: 5 },
        ).line(),
      "InvalidArgument: BufRead: the flow says that it read 0 bytes, of 5",
    ],
    [
      () =>
        new BufRead(
          {
            *read() {
              return "1";
            },
          },
          { maxSize: 5 },
        ).line(),
      "InvalidArgument: BufRead: the flow says that it read 1 bytes, of 5",
    ],
    [
      () =>
        new BufRead(
          {
            *read() {
              return 1.5;
            },
          },
          { maxSize: 5 },
        ).line(),
      "InvalidArgument: BufRead: the flow says that it read 1.5 bytes, of 5",
    ],
    [
      () => new BufRead({ *read() {} }, { maxSize: 5 }).line(),
      "InvalidArgument: BufRead: the flow says that it read undefined bytes, of 5",
    ],
  ],
  bufwrite: [
    [() => new BufWrite({ initialSize: 0 }), "InvalidArgument: Initial size 0 should be positive!"],
    [
      () => new BufWrite({ initialSize: 1.5 }),
      'InvalidArgument: new BufWrite: "options.initialSize" must be a whole number of bytes, got 1.5',
    ],
    [
      () => new BufWrite({ initialSize: 0.5 }),
      'InvalidArgument: new BufWrite: "options.initialSize" must be a whole number of bytes, got 0.5',
    ],
    [
      () => new BufWrite({ initialSize: Infinity }),
      'InvalidArgument: new BufWrite: "options.initialSize" must be a whole number of bytes, got Infinity',
    ],
    [
      () => new BufWrite({ initialSize: 2 ** 50 }),
      'InvalidArgument: new BufWrite: "options.initialSize" must be a whole number of bytes, got 1125899906842624',
    ],
    [
      () => new BufWrite({ initialSize: NaN }),
      'TypeError: new BufWrite: "options.initialSize" must be a number, got the number NaN',
    ],
    [() => new BufWrite({ sw: 1 }), 'TypeError: new BufWrite: "options.sw" must be a Switch, got the number 1'],
    [() => new BufWrite().string(1), 'TypeError: BufWrite.string: "text" must be a string, got the number 1'],
    [() => new BufWrite().bytes("x"), 'TypeError: BufWrite.bytes: "bytes" must be a Uint8Array, got the string "x"'],
    [() => new BufWrite().bytes(), 'TypeError: BufWrite.bytes: "bytes" must be a Uint8Array, got undefined'],
    [() => new BufWrite().bytes(u8, -1), "InvalidArgument: BufWrite.bytes: there are no 5 bytes at -1, of 4"],
    [
      () => new BufWrite().bytes(u8, 1.5),
      'TypeError: BufWrite.bytes: "offset" must be a whole number, got the number 1.5',
    ],
    [
      () => new BufWrite().bytes(u8, 0, 1.5),
      'TypeError: BufWrite.bytes: "length" must be a whole number, got the number 1.5',
    ],
    [() => new BufWrite().bytes(u8, NaN), 'TypeError: BufWrite.bytes: "offset" must be a number, got the number NaN'],
    [() => new BufWrite().bytes(u8, 5), "InvalidArgument: BufWrite.bytes: there are no -1 bytes at 5, of 4"],
    [
      () => new BufWrite().schedule("x"),
      'TypeError: BufWrite.schedule: "bytes" must be a Uint8Array, got the string "x"',
    ],
    [
      () => new BufWrite().char(""),
      'TypeError: BufWrite.char: "char" must be a character of one byte, got the string ""',
    ],
    [() => new BufWrite().uint8("1"), 'TypeError: BufWrite.uint8: "n" must be a number, got the string "1"'],
    [() => new BufWrite().uint8(1n), 'TypeError: BufWrite.uint8: "n" must be a number, got the number 1'],
    [() => new BufWrite().BE.uint64(1), 'TypeError: BufWrite.uint64: "n" must be a bigint, got the number 1'],
    [() => new BufWrite().BE.uint16(1n), 'TypeError: BufWrite.uint16: "n" must be a number, got the number 1'],
    [() => new BufWrite().LE.double("x"), 'TypeError: BufWrite.double: "n" must be a number, got the string "x"'],
    [() => new BufWrite().shift(-1), "InvalidArgument: BufWrite.shift: there are no -1 bytes, of 0"],
    [() => new BufWrite().shift("1"), 'TypeError: BufWrite.shift: "n" must be a number, got the string "1"'],
    [() => new BufWrite().serialize(), 'TypeError: BufWrite.serialize: "writev" must be a function, got undefined'],
    [
      () => BufWrite.withFlow(null, function* () {}),
      'TypeError: BufWrite.withFlow: "sink" must be a sink (something with a write method), got null',
    ],
    [
      () => BufWrite.withFlow(sink(), 1),
      'TypeError: BufWrite.withFlow: "fn" must be a function returning an op, got the number 1',
    ],
    [
      () => BufWrite.withFlow(sink(), async () => 1),
      'TypeError: BufWrite.withFlow: "fn" must be a function returning an op, got an async function',
    ],
    [
      () => {
        const w = new BufWrite();
        w.close();
        w.string("x");
      },
      "Failure: cannot write to closed writer",
    ],
    [
      () => {
        const w = new BufWrite();
        w.close();
        w.BE.uint16(1);
      },
      "Failure: cannot write to closed writer",
    ],
    [
      () => {
        const w = new BufWrite();
        w.string("abc");
        w.close();
        return w.serialize(function* () {
          return { ok: true, value: 1.5 };
        });
      },
      "InvalidArgument: BufWrite.shift: there are no 1.5 bytes, of 3",
    ],
    [
      () =>
        BufWrite.withFlow(
          {
            *write() {},
            *writeSome() {
              return 0;
            },
            *close() {},
          },
          function* (w) {
            w.string("abc");
          },
        ),
      "InvalidArgument: Flow.singleWrite: the flow says that it wrote 0 bytes, of 3",
    ],
  ],
  parser: [
    [
      () => Parser.parse(1, src(), { maxSize: 1 }),
      'TypeError: Parser.parse: "parser" must be a function, got the number 1',
    ],
    [
      () => Parser.parse((r) => r.line(), null, { maxSize: 1 }),
      'TypeError: new BufRead: "source" must be a source (something with a read method), got null',
    ],
    [
      () => Parser.parse((r) => r.line(), src()),
      'TypeError: new BufRead: "options" must be { maxSize }, got undefined',
    ],
    [
      () => Parser.parseString((r) => r.line(), 1),
      'TypeError: Parser.parseString: "text" must be a string, got the number 1',
    ],
    [() => Parser.parseStringOrThrow(), 'TypeError: Parser.parseString: "parser" must be a function, got undefined'],
    [() => Parser.formatErrors(), 'TypeError: Parser.formatErrors: "parser" must be a function, got undefined'],
    [() => Parser.pair(), 'TypeError: Parser.pair: "first" must be a function, got undefined'],
    [
      () => Parser.pair(1, 2)(BufRead.ofString("")),
      'TypeError: Parser.pair: "first" must be a function, got the number 1',
    ],
    [() => Parser.map(), 'TypeError: Parser.map: "parser" must be a function, got undefined'],
    [() => Parser.map((r) => r.line()), 'TypeError: Parser.map: "fn" must be a function, got undefined'],
    [() => Parser.bind(), 'TypeError: Parser.bind: "parser" must be a function, got undefined'],
    [
      () =>
        Parser.bind(
          (r) => r.line(),
          () => 1,
        )(BufRead.ofString("x")),
      'TypeError: Parser.bind: "the result of fn" must be a function, got the number 1',
    ],
    [() => Parser.keepLeft(1), 'TypeError: Parser.keepLeft: "first" must be a function, got the number 1'],
    [() => Parser.keepRight(), 'TypeError: Parser.keepRight: "first" must be a function, got undefined'],
    [() => Parser.seq(), 'TypeError: Parser.seq: "parser" must be a function, got undefined'],
    [() => Parser.seq()(BufRead.ofString("x")), 'TypeError: Parser.seq: "parser" must be a function, got undefined'],
  ],
  addr: [
    [() => IpAddress.ofBytes("x"), 'TypeError: IpAddress.ofBytes: "bytes" must be a Uint8Array, got the string "x"'],
    [
      () => IpAddress.ofBytes(new Uint8Array(5)),
      "InvalidArgument: IpAddress.ofBytes: an address has 4 bytes or 16, not 5",
    ],
    [() => IpAddress.parse(1), 'TypeError: IpAddress.parse: "text" must be a string, got the number 1'],
    [() => IpAddress.v4.any.equals(null), 'TypeError: IpAddress.equals: "other" must be an IpAddress, got null'],
    [
      () => IpAddress.v4.any.equals("127.0.0.1"),
      'TypeError: IpAddress.equals: "other" must be an IpAddress, got the string "127.0.0.1"',
    ],
    [() => showAddress(), 'TypeError: showAddress: "address" must be an address (tcp or udp or unix), got undefined'],
    [() => showAddress({}), 'TypeError: showAddress: "address" must be an address (tcp or udp or unix), got an object'],
    [
      () => showAddress({ type: "tcp", port: 1 }),
      'TypeError: showAddress: "address.ip" must be an IpAddress, got undefined',
    ],
  ],
};
