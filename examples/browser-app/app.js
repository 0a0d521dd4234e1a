/**
 * A page of another origin that calls gmail-edge with an API token. gmail-edge lists this page's origin in
 * ALLOWED_ORIGINS.
 */

const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const list = document.querySelector("ul");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { origin, token } = Object.fromEntries(new FormData(form));
  show(origin, token).catch((error) => {
    // Also what the browser says where the origin of this page is not allowed.
    status.textContent = error.message;
  });
});

async function show(origin, token) {
  const url = new URL("/api/messages?q=is:unread&view=metadata&limit=10", origin);
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` }, credentials: "omit" });
  const answer = await response.json();
  if (!response.ok) {
    const { message, details } = answer.error;
    throw new Error(`${details[0].reason}: ${message}`);
  }
  const rows = answer.messages.filter((row) => !("error" in row));
  list.replaceChildren(...rows.map(toItem));
  status.textContent = `${rows.length} messages, ${response.headers.get("X-Gmail-Quota-Units")} quota units`;
}

function toItem({ from, subject }) {
  const item = document.createElement("li");
  item.textContent = `${from ?? "?"}: ${subject ?? "(no subject)"}`;
  return item;
}
