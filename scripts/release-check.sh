#!/bin/sh
# Whether this commit may be published. `npm publish` asks, as `prepublishOnly`,
# and so does the release workflow, which names its tag:
# scripts/release-check.sh v1.2.3
set -eu
cd "$(dirname "$0")/.."
wrong=
# The version, then the fields that the package lacks. npm takes provenance only
# from the repository that the package names, and resolves the relative links of
# the README against it.
found=$(node -p "
  const manifest = require('./package.json');
  const needed = ['repository', 'homepage', 'bugs'];
  [manifest.version, ...needed.filter((name) => !manifest[name])].join(' ')")
version=${found%% *}

refuse() {
  echo "release-check: $1" >&2
  wrong=yes
}

if [ $# -gt 0 ]; then
  [ "$1" = "v$version" ] || refuse "the tag is $1, the package is $version"
elif ! git tag --points-at HEAD | grep -qx "v$version"; then
  refuse "this commit has no tag v$version"
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
  refuse "there are changes that are not committed"
grep -Eq "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
  refuse "CHANGELOG.md has no section [$version] with a date"
for field in ${found#"$version"}; do
  refuse "package.json has no '$field'"
done

[ -z "$wrong" ] || {
  echo "release-check: see 'Releasing' in CONTRIBUTING.md" >&2
  exit 1
}
