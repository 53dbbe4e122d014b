#!/bin/sh
# The steps of the workflows: one per argument, or all of them. With -k it continues
# after a failed step, and fails at the end. The output of each step is in reports/.
set -eu
cd "$(dirname "$0")/.."

step() {
  case $1 in
    # Without the scripts of packages, but for the one that finds koffi.
    install) npm ci --ignore-scripts && npm rebuild koffi esbuild ;;
    check) npm run typecheck && npm run lint && npm run check:spelling ;;
    build) npm run build ;;
    unit) npm run build && npm run unit ;;
    doctor) node dist/cli.js doctor ;;
    report) node dist/cli.js doctor --report reports/doctor.json ;;
    # Where the tools of the tests do not run: only the package and its
    # dependencies.
    core) node scripts/runtime-core.mjs ;;
    # Not into docs/, which has the report of Linux.
    conformance) node --import tsx __tests__/conformance/run.ts reports ;;
    package) npm run check:package && npm audit --omit=dev ;;
    docs) npm run docs ;;
    # Bun and Deno, and the test that bundles with that Bun.
    runtimes)
      npm run test:runtimes -- --core bun deno &&
        npx jest __tests__/package/bundlers.test.ts -t 'bun build'
      ;;
    # As root, with the Debian packages that the script names.
    platforms) npm run test:platforms ;;
    *)
      echo "ci.sh: there is no step $1" >&2
      exit 2
      ;;
  esac
}

keeps_going=false
if [ "${1:-}" = -k ]; then
  keeps_going=true
  shift
fi
failed=''
mkdir -p reports
for name in ${*:-install check unit doctor report core conformance package docs}; do
  echo "--- $name"
  rm -f "reports/$name.failed"
  # A pipe has the status of tee, so the step leaves its own in a file.
  { (step "$name") || echo "$?" >"reports/$name.failed"; } 2>&1 |
    tee "reports/$name.log"
  if [ -e "reports/$name.failed" ]; then
    failed="$failed $name"
    "$keeps_going" || break
  fi
done
if [ -n "$failed" ]; then
  echo "ci.sh: failed:$failed" >&2
  exit 1
fi
