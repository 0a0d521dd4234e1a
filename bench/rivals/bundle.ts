/** Bundles the rivals: those on workerd with the settings that wrangler gives esbuild, those on Node for their size. */
import { isBuiltin } from "node:module";
import { build, type BuildOptions, type Plugin } from "esbuild";

export interface BundleOptions {
  /** Whether the rival may use Node's modules, as workerd has them. */
  readonly nodejsCompat: boolean;
}

/** Where modules live that a package asks for with `require`. */
const REQUIRED = "required-builtin";

/** Bundles a Worker as one minified ES module. @param entryFile its path */
export async function bundleRival(entryFile: string, options: BundleOptions): Promise<string> {
  return bundle(entryFile, {
    target: "es2024",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: options.nodejsCompat ? [nodeBuiltins] : [],
  });
}

/** Bundles a server for Node as one minified ES module. @param entryFile its path */
export async function bundleNode(entryFile: string): Promise<string> {
  return bundle(entryFile, { platform: "node" });
}

async function bundle(entryFile: string, options: BuildOptions): Promise<string> {
  const result = await build({
    ...options,
    entryPoints: [entryFile],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${entryFile}.`);
  return output.text;
}

/** Leaves Node's modules to workerd, which has them by their `node:` names and for `import` alone. */
const nodeBuiltins: Plugin = {
  name: "node-builtins",
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return null;
      const name = path.startsWith("node:") ? path : `node:${path}`;
      return kind === "require-call" ? { path: name, namespace: REQUIRED } : { path: name, external: true };
    });
    builder.onLoad({ filter: /.*/, namespace: REQUIRED }, ({ path }) => ({
      contents: `import builtin from ${JSON.stringify(path)}; module.exports = builtin;`,
    }));
  },
};
