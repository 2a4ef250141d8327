import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

// Client and view as they stand in the source: one copy of each, in Node and in what stands for a page.
const source = "@ringback/source";

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  test: { include: ["{client,react}/{src,test}/**/*.test.{ts,tsx}"], environment: "node" },
});
