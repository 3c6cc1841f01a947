// Plants a value into one table of each of some databases and dies at once, so that it stands in the
// log of writes alone: database, statement and value, for each.

import { DatabaseSync } from "node:sqlite";

const plants = process.argv.slice(2);
for (let at = 0; at < plants.length; at += 3) {
  const [file, statement, value] = plants.slice(at, at + 3);
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  database.prepare(statement).run(value);
}
process.kill(process.pid, "SIGKILL");
