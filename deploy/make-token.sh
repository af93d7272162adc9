#!/bin/sh
# Prints a token for trying out, good for a day, signed with the key that make-secrets.sh made:
#   sh deploy/make-token.sh COMPANY PERSON ROLE...
set -eu

key=${SECRETS_DIR:-$(dirname "$0")/../secrets}/jwt_private_key
[ $# -ge 3 ] || { sed -n '2,3s/^# *//p' "$0" >&2; exit 2; }
[ -r "$key" ] && [ "$(cat "$key")" != none ] || { echo "make-token: no $key: tokens come from your own issuer" >&2; exit 1; }

company=$1 person=$2 roles=
shift 2
for role; do roles="$roles${roles:+,}\"$role\""; done
now=$(date +%s)

web64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
head=$(printf '{"alg":"ES256","typ":"JWT"}' | web64)
body=$(printf '{"sub":"%s","company":"%s","roles":[%s],"iss":"%s","aud":"%s","iat":%d,"exp":%d}' "$person" "$company" \
    "$roles" "${JWT_ISSUER:-fenlu}" "${JWT_AUDIENCE:-fenlu}" "$now" $((now + 86400)) | web64)
# A JWT wants both numbers of the signature as they are, 32 bytes each; openssl gives (and takes) them as ASN.1.
numbers=$(printf %s "$head.$body" | openssl dgst -sha256 -sign "$key" | openssl asn1parse -inform DER |
    sed -n 's/.*INTEGER *://p' | while read -r number; do printf '%64s' "$number"; done | tr ' ' 0)
signature=$(openssl asn1parse -genstr "FORMAT:HEX,OCTETSTRING:$numbers" -noout -out /dev/stdout | tail -c 64 | web64)
echo "$head.$body.$signature"
