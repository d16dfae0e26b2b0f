#!/usr/bin/env bash
# Installs the Debian packages named groups need, only those that are missing.
# Root or password-less sudo installs; anybody else gets one clear line that says what to install.
set -euo pipefail

declare -A PACKAGES=(
  [kiosk]="libzbar0 python3-venv tzdata"
  [browser]="chromium fonts-noto-core"
  [postgresql]="postgresql-15|postgresql"
)

present() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=()
for group in "$@"; do
  for wanted in ${PACKAGES[$group]}; do
    found=""
    for name in ${wanted//|/ }; do present "$name" && found=1; done
    # Ubuntu renamed the library for its 64-bit time change.
    [[ "$wanted" == libzbar0 ]] && present libzbar0t64 && found=1
    [[ "$wanted" == tzdata && -e /usr/share/zoneinfo/Asia/Ho_Chi_Minh ]] && found=1
    [[ "$wanted" == chromium ]] && command -v chromium >/dev/null && found=1
    [[ "$wanted" == python3-venv ]] && python3 -c 'import ensurepip, venv' 2>/dev/null && found=1
    [[ -n "$found" ]] || missing+=("${wanted##*|}")
  done
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "Please install these packages by hand: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    echo "Please run: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "Installing Debian packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}")
if ! "${install[@]}" >/dev/null 2>&1; then
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update -qq >&2
  "${install[@]}" >&2
fi
