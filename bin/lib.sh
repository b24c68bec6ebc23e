# Shared by the commands beside it: the virtual environment and what it needs from Debian.
# Sourced, never run. Sets $root to the checkout and $python to its interpreter.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
python="$root/.venv/bin/python"

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Install Debian packages: possible as root with apt-get, refused otherwise.
apt_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "Installing with apt-get: $*"
    try_apt "$@" || { apt-get update -qq >/dev/null && try_apt "$@"; }
}

try_apt() {
    DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >/dev/null
}

# The interpreter to build the environment with.
system_python() {
    for candidate in python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 is needed (on Debian 12: apt-get install python3 python3-venv)."
}

make_venv() {
    base=$(system_python)
    rm -rf "$root/.venv"
    if command -v uv >/dev/null; then
        uv venv --quiet --no-python-downloads --python "$base" "$root/.venv"
        return
    fi
    if ! "$base" -c 'import ensurepip' 2>/dev/null; then
        apt_install python3-venv ||
            fail "Python cannot make virtual environments: install the package python3-venv, or uv."
    fi
    "$base" -m venv "$root/.venv"
}

# pip install, or uv pip install when uv is there. Compiled at once, or the first start would be slow.
install() {
    if command -v uv >/dev/null; then
        uv pip install --quiet --compile-bytecode --python "$python" "$@"
    else
        "$python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
    fi
}

# Bring .venv to what requirements.lock says; nothing to do when its stamp says so already.
ensure_venv() {
    stamp="$root/.venv/installed"
    wanted=$(cat "$root/requirements.lock" "$root/collector/pyproject.toml" | sha256sum)
    wanted="$wanted $root"
    if [ -x "$python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    "$python" -c '' 2>/dev/null || make_venv
    say "Installing requirements.lock into .venv (once; some 250 MB)."
    install --require-hashes --requirement "$root/requirements.lock"
    install --no-deps --no-build-isolation --editable "$root/collector"
    printf '%s' "$wanted" >"$stamp"
}
