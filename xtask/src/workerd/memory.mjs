// Must be evaluated before the module is instantiated: remembers every memory that one exports.
const memories = (globalThis.edgepostMemories = []);
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(module, imports) {
    super(module, imports);
    if (this.exports.memory) memories.push(this.exports.memory);
  }
};
