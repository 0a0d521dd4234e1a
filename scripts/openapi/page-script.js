/**
 * Lets each operation of the page be tried: a request to this origin, with the session or with the API token that was
 * typed in, which is kept nowhere but in its field.
 */

const caller = document.querySelector("form.caller");
caller.hidden = !isSecureContext;
caller.addEventListener("submit", (event) => event.preventDefault());

for (const form of document.querySelectorAll("form[data-path]")) {
  // On plain HTTP off loopback a token would go out in the clear, and the API would not answer.
  form.querySelector("button").hidden = !isSecureContext;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tryOut(form).catch((error) => say(form, `No answer: ${error.message}`));
  });
}
openTarget();
addEventListener("hashchange", openTarget);

/** A link to an operation opens it. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

async function tryOut(form) {
  const { method } = form.dataset;
  const { url, headers, body } = readForm(form);
  const token = caller.elements.token.value.trim();
  if (token !== "") headers.set("Authorization", `Bearer ${token}`);
  say(form, "Waiting…");
  const begun = performance.now();
  // A redirect leads to Google or to another page: here it is enough that it comes.
  const response = await fetch(url, {
    method,
    headers,
    body,
    redirect: "manual",
    credentials: token === "" ? "same-origin" : "omit",
  });
  if (response.type === "opaqueredirect") return say(form, "It answers with a redirect.", followLink(url));
  const answer = document.createElement("div");
  const block = addBlock(answer, "");
  form.querySelector(".answer").replaceChildren(answer);
  form.querySelector(".answer").hidden = false;
  await readInto(block, response);
  const milliseconds = Math.round(performance.now() - begun);
  say(form, `${response.status} ${response.statusText}, ${milliseconds} ms`);
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  addBlock(answer, lines.join("\n"));
}

/** The request that the form describes. */
function readForm(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = new Headers({ Accept: "application/json" });
  let body;
  for (const field of form.elements) {
    const [place, name] = field.name.split(":");
    if (place === "path") path = path.replace(`{${name}}`, field.value.split("/").map(encodeURIComponent).join("/"));
    if (place === "query" && field.value !== "") {
      for (const value of "repeated" in field.dataset ? field.value.split(",") : [field.value]) {
        query.append(name, value.trim());
      }
    }
    if (place === "header" && field.checked) headers.set("Accept", "application/x-ndjson");
    if (place === "body" && field.value !== "") {
      body = field.value;
      headers.set("Content-Type", field.dataset.type);
    }
  }
  return { url: query.size === 0 ? path : `${path}?${query}`, headers, body };
}

/** Shows the body as it comes, and JSON indented once it is complete. */
async function readInto(block, response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (response.body === null) return;
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) block.append(text);
  if (!/^application\/json\b/.test(type)) return;
  try {
    block.textContent = JSON.stringify(JSON.parse(block.textContent), null, 2);
  } catch {
    // Not JSON after all: it stays as it came.
  }
}

function addBlock(parent, text) {
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  const code = document.createElement("code");
  code.textContent = text;
  pre.append(code);
  parent.append(pre);
  return code;
}

function followLink(url) {
  const link = document.createElement("a");
  link.href = url;
  link.textContent = "Go there";
  return link;
}

function say(form, ...content) {
  form.querySelector("[role=status]").replaceChildren(...content.flatMap((part) => [part, " "]));
}
