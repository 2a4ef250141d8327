import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

const gateway = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [react()],
  // Client and view as they stand in the source, with no build of its own in between.
  resolve: { conditions: ["@ringback/source", ...defaultClientConditions] },
  build: { outDir: "../dist", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { "/v1": { target: gateway, ws: true } } },
});
