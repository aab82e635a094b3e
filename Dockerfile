FROM python:3.11-slim
COPY . /liqspec
RUN pip install --no-cache-dir /liqspec
WORKDIR /work
ENTRYPOINT ["liqspec"]
