# What npm gives a test, by its lock file, install scripts off. To be sourced.
# npm_tools HERE TOOLS: from the folder HERE into the build folder TOOLS; nothing where that is there already.
npm_tools() {
    mkdir -p "$2"
    (
        # Fetched beside a build and by the test that is run meanwhile: one after the other.
        flock 9
        cp "$1"/{package.json,package-lock.json,.npmrc} "$2/"
        cd "$2"
        if cmp -s package-lock.json installed-lock.json; then exit 0; fi
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
        cp package-lock.json installed-lock.json
    ) 9>"$2/lock"
}
