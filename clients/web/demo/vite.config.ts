import { defineConfig } from "vite";

const gateway = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  build: { outDir: "../dist", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { "/v1": { target: gateway, ws: true } } },
});
