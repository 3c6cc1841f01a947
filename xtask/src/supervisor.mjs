// Runs one command in our process group and takes the whole group along when the process that
// started us goes, however it goes: the pipe on our standard input ends then.

import { spawn } from "node:child_process";

/** How long a group gets between being asked to stop and being killed, in milliseconds. */
const GRACE_MS = 2000;

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });

let stopping = false;
function stop() {
  if (stopping) return;
  stopping = true;
  signalGroup("SIGTERM");
  // Kills us as well: nothing of the group is left.
  setTimeout(() => signalGroup("SIGKILL"), GRACE_MS);
}

function signalGroup(signal) {
  try {
    process.kill(-process.pid, signal);
  } catch {
    // The group is gone already.
  }
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, stop);
process.stdin.on("end", stop).on("close", stop).on("error", stop).resume();
child.on("error", (error) => {
  console.error(`cannot start ${command}: ${error.message}`);
  process.exit(1);
});
// What it started may outlive it: the rest of the group goes at once, and we with it.
child.on("exit", () => signalGroup("SIGKILL"));
