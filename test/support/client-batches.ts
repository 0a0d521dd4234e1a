/**
 * Batches as Google's clients write them, byte by byte, from their sources: HttpRequestContent and MultipartContent (Java),
 * BatchRequest (.NET), Google\Http\Batch (PHP), BatchCommand (Ruby). Python's is a capture, in test/fixtures.
 */

/** A call of a batch. */
export interface ClientCall {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
}

export interface ClientBatch {
  readonly type: string;
  readonly body: string;
}

const JSON_TYPE = "application/json; charset=UTF-8";

/** Whole URLs with a version, CRLF, numbers for IDs. */
export function javaBatch(origin: string, calls: readonly ClientCall[]): ClientBatch {
  const boundary = "__END_OF_PART__0b7f6a52-58ab-4c31-9c0c-0d7a3a2b6c41__";
  const parts = calls.map(({ method, path, body }, index) => {
    const inner = [
      `${method} ${origin}${path} HTTP/1.1`,
      "x-goog-api-client: gl-java/21.0.2 gdcl/2.7.0 linux/6.1.0",
      ...(body === undefined ? [] : [`Content-Length: ${body.length}`, `Content-Type: ${JSON_TYPE}`]),
    ];
    const text = `${inner.join("\r\n")}\r\n\r\n${body ?? ""}`;
    return [
      `--${boundary}`,
      `Content-Length: ${text.length}`,
      "Content-Type: application/http",
      `content-id: ${index + 1}`,
      "content-transfer-encoding: binary",
      "",
      text,
    ].join("\r\n");
  });
  return { type: `multipart/mixed; boundary=${boundary}`, body: `${parts.join("\r\n")}\r\n--${boundary}--\r\n` };
}

/** Whole URLs without a version, LF within a part, no Content-ID, no empty line behind the head of a call without body. */
export function dotnetBatch(origin: string, calls: readonly ClientCall[]): ClientBatch {
  const boundary = "e2d1b0a6-7a51-4b8c-8a6e-6c1f3d1c0a11";
  const parts = calls.map(({ method, path, body }) => {
    const head = `${method} ${origin}${path}\nx-goog-api-client: gl-dotnet/8.0.0 gdcl/1.68.0`;
    const content =
      body === undefined
        ? ""
        : `\nContent-Type: application/json; charset=utf-8\nContent-Length:  ${body.length}\n\n${body}`;
    return `--${boundary}\r\nContent-Type: application/http\r\n\r\n${head}${content}\n`;
  });
  return { type: `multipart/mixed; boundary="${boundary}"`, body: `${parts.join("\r\n")}\r\n--${boundary}--\r\n` };
}

/** Paths; LF by the template and CRLF behind headers, which have no space after the colon; IDs without brackets. */
export function phpBatch(host: string, calls: readonly ClientCall[]): ClientBatch {
  const boundary = "1804289383";
  const parts = calls.map(({ method, path, body }, index) => {
    const headers = [`Host:${host}`, ...(body === undefined ? [] : ["content-type:application/json"])];
    const lines = headers.map((line) => `${line}\r\n`).join("");
    const template = [
      `--${boundary}`,
      "Content-Type: application/http",
      "Content-Transfer-Encoding: binary",
      "MIME-Version: 1.0",
      `Content-ID: ${846_930_886 + index}`,
      "",
      `${method} ${path} HTTP/1.1`,
    ];
    return `${template.join("\n")}\n${lines}${body === undefined ? "" : `\n${body}`}\n\n\n`;
  });
  return { type: `multipart/mixed; boundary=${boundary}`, body: `${parts.join("")}--${boundary}--`.trim() };
}

/** Paths, CRLF, and in each part the Authorization of the whole. */
export function rubyBatch(host: string, calls: readonly ClientCall[]): ClientBatch {
  const boundary = "RubyApiBatchRequest";
  const parts = calls.map(({ method, path, body }, index) => {
    const inner = [
      `${method} ${path} HTTP/1.1`,
      "X-Goog-Api-Client: gl-ruby/3.3.0 gdcl/1.29.2",
      "Accept-Encoding: gzip,deflate",
      "Authorization: Bearer of-the-whole",
      "Content-Type: application/json",
      `Host: ${host}`,
      ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    ];
    const head = [
      "Content-Type: application/http",
      `Content-ID: <b29c5de2+${index}>`,
      "Content-Transfer-Encoding: binary",
    ];
    return [`--${boundary}`, ...head, "", ...inner, "", body ?? ""].join("\r\n");
  });
  return { type: `multipart/mixed; boundary=${boundary}`, body: `${parts.join("\r\n")}\r\n--${boundary}--\r\n\r\n` };
}

/** A long GET within a Java batch: a POST with the query as its form. */
export function javaLongGet(origin: string, path: string, query: string): ClientBatch {
  const { type, body } = javaBatch(origin, [{ method: "POST", path, body: query }]);
  return {
    type,
    body: body.replace(
      `Content-Type: ${JSON_TYPE}`,
      "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nX-HTTP-Method-Override: GET",
    ),
  };
}
