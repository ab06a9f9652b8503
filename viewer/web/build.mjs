// Bundles each src/NAME/main.js, with the libraries that it imports, into ../pages/bundles/NAME.js,
// and src/NAME/style.css into NAME.css. What is bundled is committed: a user needs no npm.
import { build } from "esbuild";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "pages", "bundles");

const pages = readdirSync(join(here, "src"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .filter((name) => existsSync(join(here, "src", name, "main.js")))
  .sort();

for (const name of pages) {
  await build({
    absWorkingDir: here,
    entryPoints: [join("src", name, "main.js")],
    outfile: join(out, `${name}.js`),
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "inline", // the licences of the libraries travel with them
    logLevel: "warning",
  });
}
