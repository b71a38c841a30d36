import { config } from "./config.js";
import { Connection } from "./lanyard.js";

if (!config.clientId) {
  document.getElementById("state").textContent = "Set clientId in config.js to the client ID of your application.";
  throw new Error("config.js has no clientId");
}
const redirectUri = location.origin + location.pathname;
const connection = new Connection({ ...config, redirectUri });
const element = (id) => document.getElementById(id);

if (location.search.includes("state=")) {
  try {
    await connection.finish(location.href);
  } catch (error) {
    element("organizers").textContent = error.message;
  }
  history.replaceState(null, "", redirectUri); // drop the used code from the address bar
}

if (connection.isConnected) {
  const answer = await connection.fetch("/api/v1/organizers/");
  for (const found of (await answer.json()).results) {
    element("organizers").append(Object.assign(document.createElement("li"), { textContent: found.name }));
  }
}
element("state").textContent = connection.isConnected ? "Connected." : "Not connected.";
element("connect").hidden = connection.isConnected;
element("disconnect").hidden = !connection.isConnected;
element("connect").onclick = async () => location.assign(await connection.begin());
element("disconnect").onclick = async () => {
  await connection.disconnect();
  location.reload();
};
