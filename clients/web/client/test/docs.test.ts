/// <reference types="vite/client" />
import ts from "typescript";
import { expect, test } from "vitest";
import page from "../../../../docs/web-sdk.md?raw";

// Beside the React package's tests: there React is to be found, and the client as everywhere.
const PLACE = new URL("../../react/test/", import.meta.url).pathname;
const examples = [...page.matchAll(/```(tsx?)\n([^]*?)```/g)].map(([, kind, code = ""], index) => [`${PLACE}example-${index}.${kind}`, code] as const);

test("every example compiles", { timeout: 30_000 }, () => {
  const { config } = ts.readConfigFile(`${PLACE}../../tsconfig.base.json`, (path) => ts.sys.readFile(path)) as { config: { compilerOptions: object } };
  const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, jsx: "react-jsx", noUnusedLocals: false }, PLACE);
  const host = ts.createCompilerHost(options);
  const sources = new Map<string, string>(examples);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.getSourceFile = (path, target) => {
    const source = sources.get(path);
    return source === undefined ? getSourceFile(path, target) : ts.createSourceFile(path, source, target);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const complaints = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => {
    return `${file?.fileName.replace(PLACE, "")}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  expect([examples.length > 5, examples.some(([name]) => name.endsWith("x")), complaints]).toEqual([true, true, []]);
});

/** The words of a type, as its source has them. */
function words(source: string, type: string): string[] {
  const [, body = ""] = new RegExp(`export type ${type} =([^;]*);`).exec(source.replace(/\/\*\*.*?\*\//g, "")) ?? [];
  return [...body.matchAll(/"(\w+)"/g)].map(([, word = ""]) => word);
}

const sources = import.meta.glob<string>(["../src/protocol.ts", "../src/errors.ts"], { eager: true, query: "?raw", import: "default" });
const source = Object.values(sources).join("\n");

test.each(["ErrorCode", "LocalErrorCode", "EndReason"])("every %s is on the page", (type) => {
  const all = words(source, type);
  expect(all.length).toBeGreaterThan(8);
  expect(all.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});
