/**
 * The page at `/docs`: the document as plain HTML, readable without a script. `page-script.js` lets each operation be
 * tried. It stands in the page, and its hash in the Content-Security-Policy of `public/_headers`: a file of its own could
 * be loaded by any page of this origin that somebody gets markup into.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { markdown } from "./markdown.ts";
import { schemaText } from "./schema-text.ts";
import {
  type Document,
  METHODS,
  type Method,
  type Operation,
  type Parameter,
  type Reference,
  type ResponseObject,
} from "./types.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

interface Entry {
  readonly path: string;
  readonly method: Method;
  readonly operation: Operation;
}

const SCRIPT = readFileSync(join(import.meta.dirname, "page-script.js"), "utf8");

const SCRIPT_PLACE = raw("<!--script-->");

/** Where the hash is in `public/_headers`. */
const HASH = /(?<=; script-src )'sha256-[^']*'(?=;)/;

/**
 * The headers of static files with the hash of the page's script.
 *
 * @param headers the text of `public/_headers`
 */
export function withScriptHash(headers: string): string {
  if (!HASH.test(headers)) throw new Error("public/_headers has no script-src with a sha256 hash");
  return headers.replace(HASH, `'sha256-${createHash("sha256").update(SCRIPT).digest("base64")}'`);
}

/** The page as HTML. */
export async function makePage(document: Document): Promise<string> {
  const entries = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): Entry[] => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
  const page = await html`<!doctype html>
    <!-- Made by npm run openapi. -->
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>API of ${document.info.title}</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
        <link rel="stylesheet" href="/docs/docs.css" />
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/">${document.info.title}</a>
          <nav class="user" aria-label="Pages"><a href="/">Mailbox</a> <a href="/openapi.json">openapi.json</a></nav>
        </header>
        <main id="content" class="narrow docs">
          <h1>API of ${document.info.title}</h1>
          ${raw(markdown(document.info.description))}
          <form class="caller" hidden>
            <label>API token<input name="token" type="password" autocomplete="off" spellcheck="false" /></label>
            <p class="muted">
              Without a token, what you try is sent with your session. <a href="/auth/login?return_to=/docs">Sign in</a>
            </p>
          </form>
          <nav class="groups" aria-label="Groups">
            ${document.tags.map(({ name }) => html`<a href="#${anchor(name)}">${name}</a> `)}
          </nav>
          ${document.tags.map(
            (tag) => html`
              <section id="${anchor(tag.name)}" aria-labelledby="${anchor(tag.name)}-title">
                <h2 id="${anchor(tag.name)}-title">${tag.name}</h2>
                <p>${tag.description}</p>
                ${entries
                  .filter(({ operation }) => operation.tags.includes(tag.name))
                  .map((entry) => operationHtml(document, entry))}
              </section>
            `,
          )}
          <section id="errors" aria-labelledby="errors-title">
            <h2 id="errors-title">Errors</h2>
            <dl>
              ${Object.entries(document.components.examples).map(
                ([reason, { summary, value }]) => html`
                  <dt id="${reason}"><code>${reason}</code></dt>
                  <dd>
                    ${summary}.
                    <details>
                      <summary>Example</summary>
                      ${code(JSON.stringify(value, null, 2))}
                    </details>
                  </dd>
                `,
              )}
            </dl>
          </section>
        </main>
        ${SCRIPT_PLACE}
      </body>
    </html> `;
  // The script goes in last, as it is: its hash counts every space.
  return `${page.replaceAll(/^[ \t]+(?=<)/gm, "").trim()}\n`.replace(SCRIPT_PLACE, () => `<script>${SCRIPT}</script>`);
}

function operationHtml(document: Document, { path, method, operation }: Entry): Html {
  const { operationId: id, summary, description, parameters = [], requestBody, responses, externalDocs } = operation;
  return html`
    <details class="operation" id="${id}">
      <summary>
        <code class="method">${method.toUpperCase()}</code> <code>${path}</code> <span>${summary}</span>
      </summary>
      ${description === undefined ? "" : raw(markdown(description))}
      ${externalDocs === undefined ? "" : html`<p><a href="${externalDocs.url}">${externalDocs.description}</a></p>`}
      <p class="muted">${callers(operation)}</p>
      <form data-method="${method.toUpperCase()}" data-path="${path}">
        ${parameters.map((parameter) => parameterHtml(id, parameter))}
        ${requestBody === undefined ? "" : bodyHtml(document, id, requestBody)}
        ${isNdjson(responses) ? html`<label><input type="checkbox" name="header:ndjson" /> Line by line (NDJSON)</label>` : ""}
        <button hidden>Send</button>
        <div role="status" aria-live="polite"></div>
        <div class="answer" hidden></div>
      </form>
      <h3>Answers</h3>
      <dl>
        ${Object.entries(responses).map(([status, response]) => answerHtml(document, status, resolve(document, response)))}
      </dl>
    </details>
  `;
}

function parameterHtml(id: string, { name, in: place, description, required, schema }: Parameter): Html {
  const inputId = `${id}-${name}`;
  const isRepeated = schema["type"] === "array";
  return html`
    <div class="parameter">
      <label for="${inputId}"><code>${name}</code></label>
      <input
        id="${inputId}"
        name="${place}:${name}"
        aria-describedby="${inputId}-about"
        autocomplete="off"
        ${required === true ? raw("required") : ""}
        ${isRepeated ? raw("data-repeated") : ""}
        ${name === "userId" ? raw('value="me"') : ""}
      />
      <p id="${inputId}-about" class="muted">
        ${raw(markdown(description, "inline"))} <code>${schemaText({}, schema)}</code>
        ${isRepeated ? "Separate several by commas." : ""}
      </p>
    </div>
  `;
}

function bodyHtml(document: Document, id: string, body: NonNullable<Operation["requestBody"]>): Html {
  const [type = "", media = {}] = Object.entries(body.content)[0] ?? [];
  const [example] = Object.values(media.examples ?? {});
  const text = example !== undefined && "value" in example ? JSON.stringify(example.value, null, 2) : "";
  return html`
    <div class="parameter">
      <label for="${id}-body">Body, <code>${type === "*/*" ? "application/json" : type}</code></label>
      <textarea
        id="${id}-body"
        name="body"
        rows="4"
        spellcheck="false"
        data-type="${type === "*/*" ? "application/json" : type}"
        aria-describedby="${id}-body-about"
      >
${text}</textarea>
      <div id="${id}-body-about" class="muted">
        ${body.description ?? ""}
        ${media.schema === undefined ? "" : code(schemaText(document.components.schemas, media.schema))}
      </div>
    </div>
  `;
}

function answerHtml(document: Document, status: string, { description, content = {} }: ResponseObject): Html {
  const isError = Object.keys(content["application/json"]?.examples ?? {}).length > 0;
  const schemas = Object.entries(content).flatMap(([type, { schema }]) =>
    schema === undefined || isError ? [] : [{ type, text: schemaText(document.components.schemas, schema) }],
  );
  return html`
    <dt><code>${status}</code></dt>
    <dd>
      ${raw(markdown(description, "inline"))}
      ${schemas.map(
        ({ type, text }) => html`
          <details>
            <summary><code>${type}</code></summary>
            ${code(text)}
          </details>
        `,
      )}
    </dd>
  `;
}

function callers({ security }: Operation): string {
  const names = security.flatMap((requirement) => Object.keys(requirement));
  if (names.length === 0) return "Anybody may call this.";
  const words = { session: "a session", apiToken: "an API token", operatorToken: "the operator's token" };
  const ways = names.map((name) => words[name as keyof typeof words]).join(" or ");
  return security.length > names.length ? `With ${ways}, or without.` : `With ${ways}.`;
}

function isNdjson(responses: Operation["responses"]): boolean {
  return Object.values(responses).some(
    (response) => !("$ref" in response) && response.content?.["application/x-ndjson"] !== undefined,
  );
}

function resolve({ components }: Document, response: ResponseObject | Reference): ResponseObject {
  if (!("$ref" in response)) return response;
  const found = components.responses[response.$ref.replace("#/components/responses/", "")];
  if (found === undefined) throw new Error(`no such response: ${response.$ref}`);
  return found;
}

/** Scrollable by keyboard. */
function code(text: string): Html {
  return html`<pre tabindex="0"><code>${text}</code></pre>`;
}

function anchor(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z]+/g, "-");
}
