// How Chromium is started: Debian's own, or the one that CHROMIUM is the path of.

export const launchOptions = {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    // For the tests that look at memory.
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
  ],
};
