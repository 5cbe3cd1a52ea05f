# bertdemo on port 7860, as a user without rights: the CPU build of PyTorch, or the CUDA build.
#
#   docker build -t bertdemo .
#   docker build -t bertdemo --build-arg DEVICE=cuda .
#   docker run -p 127.0.0.1:7860:7860 -v bertdemo:/data bertdemo
#   docker run -p 127.0.0.1:7860:7860 -v bertdemo:/data --gpus all bertdemo
#
# The container listens on all interfaces, so visitors are kept apart as on any public server (README, Settings and
# limits). Runs are kept in the volume /data.
FROM python:3.11-slim

ARG DEVICE=cpu
WORKDIR /app

COPY requirements.txt requirements.lock ./
RUN if [ "$DEVICE" = cpu ]; then index=https://download.pytorch.org/whl/cpu; else index=https://pypi.org/simple; fi \
    && pip install --no-cache-dir --extra-index-url "$index" -r requirements.txt -c requirements.lock
COPY app.py ./
COPY bertdemo ./bertdemo

RUN mkdir -p /data && chmod 0777 /data
RUN python -m compileall -q bertdemo app.py

ENV BERTDEMO_HOME=/data/bertdemo \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    HF_HOME=/data/huggingface \
    HOME=/tmp \
    PYTHONUNBUFFERED=1

USER 10001:10001
EXPOSE 7860
VOLUME /data
CMD ["python", "app.py"]
