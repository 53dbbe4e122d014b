#!/bin/sh
# Whether a tag may be published: scripts/release-check.sh v1.2.3
set -eu
cd "$(dirname "$0")/.."
version=$(node -p "require('./package.json').version")
if [ "${1-}" != "v$version" ]; then
  echo "the tag is ${1-none}, the package is $version" >&2
  exit 1
fi
if ! grep -q "^## \[$version\]" CHANGELOG.md; then
  echo "CHANGELOG.md says nothing of $version" >&2
  exit 1
fi
# npm takes provenance only from the repository that the package names.
node -e "
  const { repository } = require('./package.json');
  if (repository === undefined) {
    console.error('package.json names no repository');
    process.exit(1);
  }"
