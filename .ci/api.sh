#!/usr/bin/env bash
# Schemathesis against the running binary: no 5xx, no reply outside the document.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
cargo build --quiet --package kycd
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" || true; fi; rm -rf "$dir"' EXIT
target/debug/kycd serve --data-dir "$dir/data" --http 127.0.0.1:0 --tcp 127.0.0.1:0 --log error &
server=$!
for _ in $(seq 100); do [ -s "$dir/data/server.json" ] && break; sleep 0.1; done
base=http://$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["http"])' "$dir/data/server.json")
manager=$(target/debug/kycd token --data-dir "$dir/data" --role SESSION_ADMIN --sub schemathesis)
customer=$(target/debug/kycd token --data-dir "$dir/data" --role SESSION_CUSTOMER --sub schemathesis --brand acme --customer-id 1001)
# Something to find: a template, a customer with a step, settings.
post() { curl --fail --silent --show-error --output /dev/null -H "Authorization: Bearer $manager" -d "$2" "$base$1"; }
post /manager/kyc/templates '{"brand":"acme","code":"proof_id","level":1}'
post /manager/kyc/required-level '{"brand":"acme","customer_id":1001,"level":1}'
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
run() { # token, what is called
    "$venv/bin/schemathesis" run "$base/openapi.json" --header "Authorization: Bearer $1" "${@:2}" \
        --checks "$checks" --phases examples,coverage,fuzzing --max-examples 25 --workers 1 --seed 1 \
        --request-timeout 30 --generation-database none
}
run "$manager" --include-path-regex '^/(manager|upload|files|v1)'
run "$customer" --include-path-regex '^/(customer|upload|files)'
