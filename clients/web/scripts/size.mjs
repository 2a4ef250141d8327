// What the client costs a page: bundled alone, minified, gzipped. Fails above the budget.

import { gzipSync } from "node:zlib";
import { build } from "vite";

const BUDGET_BYTES = 20 * 1024;

/** The size of a bundle of what this code imports. */
async function gzipSize(code) {
  const entry = "\0entry.js";
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    plugins: [{ name: "entry", resolveId: (id) => (id === "entry" ? entry : null), load: (id) => (id === entry ? code : null) }],
    build: { write: false, minify: true, target: "es2022", modulePreload: false, rollupOptions: { input: "entry", preserveEntrySignatures: "strict" } },
  });
  return gzipSync(output.map((chunk) => chunk.code ?? "").join(""), { level: 9 }).length;
}

const path = new URL("../client/dist/index.js", import.meta.url).pathname;
const everything = await gzipSize(`export * from ${JSON.stringify(path)};`);
const errors = await gzipSize(`export { RingbackError } from ${JSON.stringify(path)};`);
console.log(`@ringback/client: ${everything} bytes gzipped, of ${BUDGET_BYTES}; its errors alone: ${errors}`);
if (everything > BUDGET_BYTES) process.exit(1);
if (errors > everything / 4) throw new Error("it can't be shaken: a part of it brings the rest along");
