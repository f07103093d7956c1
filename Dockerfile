# imprint on the CPU. Build: docker build -t imprint .
# Run: docker run --rm -v "$PWD:/data" -w /data --user "$(id -u):$(id -g)" imprint audit --out runs/first
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
COPY constraints.txt /wheels/
COPY --from=build /wheels /wheels
# With --build-arg TORCH_INDEX=URL, the index of PyTorch's CPU builds, pip takes the smaller +cpu
# build of the pinned torch. --build-arg EXTRAS=ray,knn adds extras; deploy/ says which it needs.
ARG TORCH_INDEX=
ARG EXTRAS=
RUN wheel="$(ls /wheels/*.whl)" && \
    python -m pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
      -c /wheels/constraints.txt "$wheel${EXTRAS:+[$EXTRAS]}" && rm -r /wheels
# Caches go where any user may write: --user need not be the one made here.
RUN useradd --create-home --uid 1000 imprint && mkdir --mode 1777 /caches
ENV XDG_CACHE_HOME=/caches MPLCONFIGDIR=/caches/matplotlib
USER imprint
WORKDIR /home/imprint
RUN imprint --version && imprint audit --out check --device cpu \
      --composite-count 120 --per-class 3 --k 5 --probe.epochs 1 \
      --train.architecture mlp --train.architecture-options widths=8 --train.input-size 8 \
      --train.projector 8-4 --train.epochs 1 --train.warmup-epochs 0 --train.batch-size 16 \
      --membership.models 0 --leave-one-out.input-size 4 \
    && test -s check/report.html && rm -r check /caches/*
ENTRYPOINT ["imprint"]
CMD ["--help"]
