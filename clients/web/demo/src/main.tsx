import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@ringback/react/style.css";
import "./style/index.css";
import { App } from "./app";
import { signIn } from "./session";

const app = document.getElementById("app");
if (app === null) throw new Error("the page has no place for the app");

const user = new URLSearchParams(location.search).get("user")?.trim();
createRoot(app).render(
  <StrictMode>
    <App initial={user ? signIn(user) : undefined} />
  </StrictMode>,
);
