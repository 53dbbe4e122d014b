#!/bin/sh
# What the workflows run, a step per argument; without one, all of them. Reports
# are left in reports/.
set -eu
cd "$(dirname "$0")/.."

for step in ${*:-install check unit core report package docs}; do
  echo "--- $step"
  case $step in
    # Without the scripts of packages, but for the one that finds koffi.
    install)
      npm ci --ignore-scripts
      npm rebuild koffi esbuild
      ;;
    check) npm run typecheck && npm run lint && npm run check:spelling ;;
    build) npm run build ;;
    unit) npm run build && npm run unit ;;
    # Where the tools of the tests do not run: the package and what it needs.
    core) node scripts/runtime-core.mjs ;;
    report)
      mkdir -p reports
      node dist/cli.js doctor --report reports/doctor.json
      npm run conformance
      cp docs/conformance.json docs/conformance.md reports/
      ;;
    package) npm run check:package && npm audit --omit=dev ;;
    docs) npm run docs ;;
    # Bun and Deno, and the test that bundles with that Bun.
    runtimes)
      npm run test:runtimes -- --core bun deno
      npx jest __tests__/package/bundlers.test.ts -t 'bun build'
      ;;
    # As root, with the Debian packages that the script names.
    platforms) npm run test:platforms ;;
    *)
      echo "ci.sh: there is no step $step" >&2
      exit 2
      ;;
  esac
done
