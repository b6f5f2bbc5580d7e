// Follows the log of a deployment as the page of a browser does, and prints what it receives, a line of JSON each.
//
// Ends when the service says that there is nothing to come back for, or when stdin ends.
"use strict";

const { EventSource } = require("eventsource");

const source = new EventSource(process.argv[2]);
const print = (told) => process.stdout.write(JSON.stringify(told) + "\n");

for (const type of ["log", "status", "end"]) {
  source.addEventListener(type, ({ data, lastEventId }) => print({ type, data, id: lastEventId }));
}
source.addEventListener("error", ({ code }) => {
  const closed = source.readyState === EventSource.CLOSED;
  print({ type: "error", code, closed });
  if (closed) process.exit(0);
});
process.stdin.on("end", () => process.exit(1));
process.stdin.resume();
