"""The files of a deployment, with `$names` for what differs."""

import string

DOCKERFILE = """\
# An image with the models and TensorFlow Serving as it is published:
#   docker build -t $image .
#   docker run --rm --init -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 $image
FROM $serving_image
COPY --chown=65534:65534 config /config
COPY --chown=65534:65534 models /models
# Nobody: the server needs no rights, and writes nothing.
USER 65534:65534
# gRPC, and REST with the metrics.
EXPOSE 8500 8501
# The image has no curl. Healthy once a version of `$model` is available.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \\
    CMD $health_check
# The server itself in place of the image's script, which keeps signals back.
ENTRYPOINT ["tensorflow_model_server"]
CMD [ \\
$flags_of_dockerfile \\
    ]
"""

DOCKERIGNORE = """\
# What goes into the image, and no version that is still being written.
*
!models
!config
models/*/.*
"""

COMPOSE = """\
# TensorFlow Serving as it is published, on this machine only:
#   docker compose up
# and, with Prometheus at http://127.0.0.1:9090:
#   docker compose --profile monitoring up
services:
  serving:
    image: $serving_image
    entrypoint: [tensorflow_model_server]
    command:
$flags_of_compose
    # gRPC, and REST with the metrics. Reached from this machine alone: the
    # server knows no passwords, and needs a proxy before it elsewhere.
    ports:
      - "127.0.0.1:8500:8500"
      - "127.0.0.1:8501:8501"
    # New versions, and changes of models.config, are taken up while it runs.
    volumes:
      - ./models:/models:ro
      - ./config:/config:ro
    user: "65534:65534"
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    # Hands signals on: the server does not act on them as process 1.
    init: true
    # What the batches in work and those that wait need; see
    # config/batching_parameters.txt.
    mem_limit: ${memory_mib}m
    restart: unless-stopped
    healthcheck:
      test: $health_check_of_compose
      interval: 10s
      timeout: 5s
      start_period: 120s
      retries: 3

  prometheus:
    profiles: [monitoring]
    image: prom/prometheus:v3.5.0
    ports:
      - "127.0.0.1:9090:9090"
    volumes:
      - ./prometheus.yml:/etc/prometheus/prometheus.yml:ro
    depends_on: [serving]
    restart: unless-stopped
"""

PROMETHEUS = """\
# Prometheus reads the metrics of the compose file's server.
global:
  scrape_interval: 15s

scrape_configs:
  - job_name: $name
    metrics_path: $metrics_path
    static_configs:
      - targets: ["serving:8501"]
"""

KUBERNETES_DEPLOYMENT = """\
# Servers of the image that the Dockerfile makes; push it first:
#   docker build -t $image . && docker push $image
#   kubectl apply -f kubernetes/
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $name
  labels:
    app.kubernetes.io/name: $name
spec:
  # The number of replicas is the autoscaler's.
  selector:
    matchLabels:
      app.kubernetes.io/name: $name
  strategy:
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  template:
    metadata:
      labels:
        app.kubernetes.io/name: $name
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8501"
        prometheus.io/path: $metrics_path
    spec:
      automountServiceAccountToken: false
      # Process 1 gets no signals that it does not handle; with shared
      # processes the server is not process 1, and ends when told to.
      shareProcessNamespace: true
      terminationGracePeriodSeconds: 90
      securityContext:
        runAsNonRoot: true
        runAsUser: 65534
        runAsGroup: 65534
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: serving
          image: $image
          ports:
            - name: grpc
              containerPort: 8500
            - name: rest
              containerPort: 8501
          # Time to load the models and to run their warm-up records: the
          # ports open only then.
          startupProbe:
            httpGet:
              path: /v1/models/$model
              port: rest
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet:
              path: /v1/models/$model
              port: rest
            periodSeconds: 5
            timeoutSeconds: 3
          # Patient: a busy server is not a dead one.
          livenessProbe:
            httpGet:
              path: /v1/models/$model
              port: rest
            periodSeconds: 20
            timeoutSeconds: 10
            failureThreshold: 6
          lifecycle:
            preStop:
              # Requests that are under way end, and new ones go elsewhere,
              # before the server is told to.
              exec:
                command: [sleep, "30"]
          resources:
            # No limit of the CPU: it would stop the server in mid-picture.
            requests:
              cpu: "2"
              memory: ${memory_mib}Mi
            limits:
              memory: ${memory_mib}Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: temporary
              mountPath: /tmp
      volumes:
        - name: temporary
          emptyDir:
            sizeLimit: 64Mi
"""

KUBERNETES_SERVICE = """\
# One address for all servers. A gRPC connection stays with the server that
# it began with; clients that need balance set `clusterIP: None` and the
# policy round_robin.
apiVersion: v1
kind: Service
metadata:
  name: $name
  labels:
    app.kubernetes.io/name: $name
spec:
  selector:
    app.kubernetes.io/name: $name
  ports:
    - name: grpc
      port: 8500
      targetPort: grpc
      appProtocol: grpc
    - name: rest
      port: 8501
      targetPort: rest
      appProtocol: http
"""

KUBERNETES_AUTOSCALER = """\
# More servers while they compute, fewer after five quiet minutes.
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: $name
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: $name
  minReplicas: $min_replicas
  maxReplicas: $max_replicas
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 70
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
"""

KUBERNETES_DISRUPTION_BUDGET = """\
# One server at a time is moved when nodes are emptied.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: $name
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: $name
"""

TEMPLATES = {
    "Dockerfile": DOCKERFILE,
    ".dockerignore": DOCKERIGNORE,
    "compose.yaml": COMPOSE,
    "prometheus.yml": PROMETHEUS,
    "kubernetes/deployment.yaml": KUBERNETES_DEPLOYMENT,
    "kubernetes/service.yaml": KUBERNETES_SERVICE,
    "kubernetes/autoscaler.yaml": KUBERNETES_AUTOSCALER,
    "kubernetes/disruption_budget.yaml": KUBERNETES_DISRUPTION_BUDGET,
}


def fill_templates(values):
    """The files' texts."""
    return {
        path: string.Template(template).substitute(values)
        for path, template in TEMPLATES.items()
    }
