// What the client and its React skin cost a page: bundled alone, minified, gzipped. Fails above the budgets.

import { gzipSync } from "node:zlib";
import { build } from "vite";

const BUDGET_BYTES = { client: 20 * 1024, react: 9 * 1024, style: 4 * 1024 };

const gzipped = (text) => gzipSync(text, { level: 9 }).length;
const from = (path) => JSON.stringify(new URL(`../${path}`, import.meta.url).pathname);

/** A bundle of what this code imports, without what the application has anyway. */
async function bundle(code, external = []) {
  const entry = "\0entry.js";
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    plugins: [{ name: "entry", resolveId: (id) => (id === "entry" ? entry : null), load: (id) => (id === entry ? code : null) }],
    build: {
      write: false,
      minify: true,
      target: "es2022",
      modulePreload: false,
      rollupOptions: { input: "entry", external, preserveEntrySignatures: "strict" },
    },
  });
  return output.map((chunk) => chunk.code ?? chunk.source ?? "").join("");
}

const client = gzipped(await bundle(`export * from ${from("client/dist/index.js")};`));
const errors = gzipped(await bundle(`export { RingbackError } from ${from("client/dist/index.js")};`));
const external = ["react", "react/jsx-runtime", "@ringback/client"];
const react = gzipped(await bundle(`export * from ${from("react/dist/index.js")};`, external));
const hooks = gzipped(await bundle(`export { useCall, useIncomingCalls } from ${from("react/dist/index.js")};`, external));
const style = gzipped(await bundle(`import ${from("react/style.css")};`));

console.log(`@ringback/client: ${client} bytes gzipped, of ${BUDGET_BYTES.client}; its errors alone: ${errors}`);
console.log(`@ringback/react, without React and the client: ${react} bytes gzipped, of ${BUDGET_BYTES.react}; two hooks alone: ${hooks}`);
console.log(`@ringback/react/style.css: ${style} bytes gzipped, of ${BUDGET_BYTES.style}`);
if (client > BUDGET_BYTES.client || react > BUDGET_BYTES.react || style > BUDGET_BYTES.style) process.exit(1);
if (errors > client / 4 || hooks > react / 3) throw new Error("it can't be shaken: a part of it brings the rest along");
