# The image in which the action runs, and a portable home for the command lines (`gto`, `gto-ci`, `git ghost`).
#
# GitHub builds it anew in every job that says `uses: …`, so the layers stand in the order of how rarely they
# change: Debian's packages, the locked dependencies, and last our own code, which costs seconds.

# A release names the base by digest, which its workflow looks up when it builds.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS python
# python3-minimal alone lacks json, email, http and urllib.request; with libpython3-stdlib it is a whole Python.
# The package `python3` would add pydoc, pdb and pygettext, and a hook that compiles the standard library: we do
# that here, else every start of the action would compile json, email, http and the like anew. The bytecode is
# "unchecked": it stays valid whatever a registry or a layer cache does to the files' times.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends libpython3-stdlib python3-minimal \
    && python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /usr/lib/python3.* \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log


# The dependencies: exactly what requirements.lock names, every file checked against its hash. Wheels only, so
# nothing is compiled here and no setup.py of a third party runs.
FROM python AS dependencies
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
# pip lives in a venv of its own and writes into the other: the one that ships never holds an installer.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/gto-ci
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock ./
RUN /opt/build/bin/pip --python /opt/gto-ci/bin/python install --no-compile --require-hashes --no-deps -r requirements.lock
# DVC comes into the jobs that pull data, not into the image; the wheel of pip is there to fetch it, and runs as it is.
COPY gto_ci/dvc/dvc.lock ./
RUN sed -n '/^pip==/,/[^\\]$/p' dvc.lock >pip.lock \
    && /opt/build/bin/pip download --require-hashes --no-deps --dest /opt/gto-ci/share/gto-ci -r pip.lock
RUN /opt/gto-ci/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/gto-ci/lib \
    && rm -rf /opt/gto-ci/bin/[Aa]ctivate* /opt/gto-ci/include /opt/gto-ci/.gitignore


# Our own package, laid out under /install as it will lie in the image.
FROM dependencies AS package
COPY requirements-build.lock ./
RUN /opt/build/bin/pip install --require-hashes --no-deps -r requirements-build.lock
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gto_ci ./gto_ci
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/gto-ci/bin/python install \
        --no-compile --no-index --no-deps --no-warn-script-location --root /install /dist/*.whl
COPY entrypoint.py /install/opt/gto-ci/
# Only our three programs go on the PATH; the rest of the venv's bin stays out of a job's way.
RUN /opt/gto-ci/bin/python -m compileall -q -f --invalidation-mode unchecked-hash -s /install /install/opt/gto-ci/lib \
    && mkdir -p /install/usr/local/bin \
    && ln -s /opt/gto-ci/bin/gto /opt/gto-ci/bin/gto-ci /opt/gto-ci/bin/git-ghost /install/usr/local/bin/


FROM python
LABEL org.opencontainers.image.title="gto-ci" \
      org.opencontainers.image.description="An artifact registry in a repository's tags, for CI jobs and people" \
      org.opencontainers.image.licenses="Apache-2.0"
# Debian's git depends on perl, but what the image has of git is content with perl-base, which is part of the base. An
# empty package that stands for perl makes the compressed image 11.9 MB smaller. Whatever is installed on top and asks
# for a version of perl brings the real one, and so does `apt-get install perl`.
RUN mkdir -p /tmp/perl/DEBIAN \
    && printf '%s\n' 'Package: perl-base-is-enough' 'Version: 1' 'Architecture: all' 'Multi-Arch: allowed' \
        'Maintainer: gto-ci' 'Depends: perl-base' 'Provides: perl' \
        'Description: stands for perl where perl-base is enough' \
        >/tmp/perl/DEBIAN/control \
    && dpkg-deb --build /tmp/perl /tmp/perl.deb \
    && dpkg --install /tmp/perl.deb \
    && rm -r /tmp/perl /tmp/perl.deb
# Left out of git, each a program with most of git in it: what serves repositories and logs people in, sends mail,
# pushes by WebDAV, and looks after huge clones (9.3 MB). A link stands for the second copy of git itself (2.0 MB).
RUN printf 'path-exclude %s\n' \
        /usr/lib/git-core/git /usr/lib/git-core/git-daemon /usr/lib/git-core/git-http-backend \
        /usr/lib/git-core/git-http-push /usr/lib/git-core/git-imap-send /usr/lib/git-core/git-shell \
        /usr/lib/git-core/scalar /usr/bin/git-shell /usr/bin/scalar >/etc/dpkg/dpkg.cfg.d/gto-ci \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && ln -s ../../bin/git /usr/lib/git-core/git \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=dependencies /opt/gto-ci /opt/gto-ci
COPY --from=package /install /
# -I: neither the workspace (the current directory) nor a PYTHON* variable of the job can put code into this process.
# -X utf8: the text of tags is UTF-8, whatever locale a workflow sets.
ENTRYPOINT ["/opt/gto-ci/bin/python", "-I", "-X", "utf8", "/opt/gto-ci/entrypoint.py"]
