// The Worker as it is deployed, with a window into its isolate: how large its linear memory is.
// Linear memory never shrinks, so what is seen is the most there was.
import "./memory.mjs";
import { WorkerEntrypoint } from "cloudflare:workers";
import worker from "./index.js";

export * from "./index.js";
export default worker;

export class Probe extends WorkerEntrypoint {
  fetch() {
    const octets = globalThis.edgepostMemories.map((memory) => memory.buffer.byteLength);
    return Response.json({ linear_memory: octets.reduce((sum, some) => sum + some, 0) });
  }
}
