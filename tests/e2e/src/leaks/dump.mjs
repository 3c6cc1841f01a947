// Writes every value of every table of the databases named in a file into a file for each table, named
// class.object.table, and prints the number of rows.

import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const [list, to] = process.argv.slice(2);
let rows = 0;
for (const file of readFileSync(list, "utf8").split("\n").filter(Boolean)) {
  const database = new DatabaseSync(file);
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  for (const { name } of tables) {
    const all = database.prepare(`SELECT * FROM "${name}"`);
    all.setReadBigInts(true);
    const values = [];
    for (const row of all.iterate()) {
      rows += 1;
      for (const value of Object.values(row)) values.push(Buffer.from(value instanceof Uint8Array ? value : String(value)), Buffer.from("\n"));
    }
    const object = basename(file, ".sqlite").slice(0, 16);
    writeFileSync(join(to, `${basename(dirname(file))}.${object}.${name}`), Buffer.concat(values));
  }
  database.close();
}
console.log(rows);
