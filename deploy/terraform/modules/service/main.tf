# One service: nodes with the same roles, their rights, and how they grow.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.region
  family = "${var.name}-${var.service}"
  # With a door the node is reached inside the task alone.
  listen   = var.door_image == "" ? "0.0.0.0:8000" : "127.0.0.1:8080"
  on_ec2   = var.gpus > 0
  writable = { data = "/data", tmp = "/tmp", certs = "/run/rag-enabler" }

  environment = merge({
    NODE_PREFIX                           = var.service
    RAG_ENABLER_NODE_ROLES                = join(",", var.roles)
    RAG_ENABLER_HTTP_LISTEN               = local.listen
    RAG_ENABLER_CLUSTER_LISTEN            = "0.0.0.0:7700"
    RAG_ENABLER_CLUSTER_DISCOVERY         = "dns"
    RAG_ENABLER_STORAGE_REGION            = local.region
    RAG_ENABLER_LOG_FORMAT                = "json"
    RAG_ENABLER_HTTP_SHUTDOWN_SECONDS_MAX = "30"
    RAG_ENABLER_CLUSTER_DRAIN_SECONDS     = "60"
  }, var.environment)

  node = {
    name                   = "node"
    image                  = var.image
    essential              = true
    command                = ["serve"]
    readonlyRootFilesystem = true
    privileged             = false
    user                   = "10001:10001"
    # 30 s for requests in work, then 60 s for shards; Fargate allows 120 s, Spot gives as much warning.
    stopTimeout = 120
    environment = [for key in sort(keys(local.environment)) : { name = key, value = local.environment[key] }]
    secrets     = [for key in sort(keys(var.secrets)) : { name = key, valueFrom = var.secrets[key] }]
    portMappings = concat(
      [{ containerPort = 7700, protocol = "tcp" }],
      var.door_image == "" ? [{ containerPort = 8000, protocol = "tcp" }] : [],
    )
    mountPoints = concat(
      [for name, path in local.writable : { sourceVolume = name, containerPath = path, readOnly = false }],
      var.models == null ? [] : [{ sourceVolume = "models", containerPath = "/models", readOnly = true }],
    )
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/health", "/live"]
      interval    = 15
      timeout     = 5
      retries     = 4
      startPeriod = 60
    }
    linuxParameters = {
      # Ends what a reading process leaves behind.
      initProcessEnabled = true
      capabilities       = { add = [], drop = ["ALL"] }
    }
    ulimits              = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    resourceRequirements = var.gpus == 0 ? [] : [{ type = "GPU", value = tostring(var.gpus) }]
    logConfiguration     = local.log_to["node"]
    # The task's memory less the others'.
    memory = var.memory - local.beside
  }

  door = {
    name                   = "door"
    image                  = var.door_image
    essential              = true
    readonlyRootFilesystem = true
    user                   = "10001:10001"
    stopTimeout            = 120
    memory                 = 128
    portMappings           = [{ containerPort = 8000, protocol = "tcp" }]
    mountPoints = [
      { sourceVolume = "certs", containerPath = "/run/rag-enabler", readOnly = true },
      { sourceVolume = "door-tmp", containerPath = "/tmp", readOnly = false },
    ]
    dependsOn = [{ containerName = "node", condition = "HEALTHY" }]
    healthCheck = {
      command     = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/live"]
      interval    = 15
      timeout     = 5
      retries     = 4
      startPeriod = 30
    }
    linuxParameters  = { initProcessEnabled = true, capabilities = { add = [], drop = ["ALL"] } }
    logConfiguration = local.log_to["door"]
  }

  collector = {
    name  = "collector"
    image = var.collector.image
    # A node answers without being watched, so that it does not end with its watcher.
    essential              = false
    readonlyRootFilesystem = true
    memory                 = 256
    environment = [
      { name = "AOT_CONFIG_CONTENT", value = var.collector.config },
      { name = "EMF_LOG_GROUP", value = aws_cloudwatch_log_group.metrics.name },
      { name = "ENVIRONMENT", value = var.name },
      { name = "PROMETHEUS_URL", value = var.collector.prometheus_url },
      { name = "ROLE", value = var.service },
    ]
    linuxParameters  = { initProcessEnabled = true, capabilities = { add = [], drop = ["ALL"] } }
    logConfiguration = local.log_to["collector"]
  }

  beside = (var.door_image == "" ? 0 : 128) + 256

  log_to = {
    for part in ["node", "door", "collector"] : part => {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.service.name
        awslogs-region        = local.region
        awslogs-stream-prefix = part
        # A log that cannot be written must not hold a node up.
        mode            = "non-blocking"
        max-buffer-size = "8m"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "service" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is a setting; a year in prod.
  name              = "/rag-enabler/${var.name}/${var.service}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

# Metrics on their way to CloudWatch; they are of no use as text.
resource "aws_cloudwatch_log_group" "metrics" {
  #checkov:skip=CKV_AWS_338:The metrics made of it are kept for fifteen months.
  name              = "/rag-enabler/${var.name}/${var.service}-metrics"
  retention_in_days = 3
  kms_key_id        = var.kms_key_arn
}

# Rights

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

# What ECS does to start a task: this service's images, secrets and log, nothing else.
resource "aws_iam_role" "start" {
  name               = "${local.family}-start"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "start" {
  #checkov:skip=CKV_AWS_356:A token for the registry belongs to no single repository.
  statement {
    sid       = "RegistryToken"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "Images"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = concat(var.repository_arns, [var.public_repository_arn])
  }
  # The first pull of a mirrored image makes its repository.
  statement {
    sid       = "Mirror"
    actions   = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    resources = [var.public_repository_arn]
  }
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }
  }
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.service.arn}:*"]
  }
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.start.json
}

# What a node does.
resource "aws_iam_role" "node" {
  name               = "${local.family}-node"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "node" {
  #checkov:skip=CKV_AWS_356:X-Ray's segments and the channels of a shell have no name of their own.
  #checkov:skip=CKV_AWS_111:As above.
  # Every node beats, keeps blobs and tidies up, so that each has these on the platform's prefix. In its own region alone.
  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${var.data_bucket_arn}/${var.data_prefix}/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }
  statement {
    sid       = "Listing"
    actions   = ["s3:ListBucket"]
    resources = [var.data_bucket_arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.data_prefix}/*"]
    }
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }
  }
  dynamic "statement" {
    for_each = var.models == null ? [] : [var.models]
    content {
      sid       = "Models"
      actions   = ["elasticfilesystem:ClientMount"]
      resources = [statement.value.file_system_arn]
      condition {
        test     = "StringEquals"
        variable = "elasticfilesystem:AccessPointArn"
        values   = [statement.value.access_point_arn]
      }
    }
  }
  statement {
    sid       = "Metrics"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.metrics.arn}:*"]
  }
  statement {
    sid       = "Prometheus"
    actions   = ["aps:RemoteWrite"]
    resources = [var.collector.prometheus_arn]
  }
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = var.exec_enabled ? ["shell"] : []
    content {
      sid       = "Shell"
      actions   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role_policy" "node" {
  name   = "node"
  role   = aws_iam_role.node.id
  policy = data.aws_iam_policy_document.node.json
}

# The task

resource "aws_ecs_task_definition" "main" {
  family                   = local.family
  requires_compatibilities = [local.on_ec2 ? "EC2" : "FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.node.arn
  container_definitions    = jsonencode(concat([local.node], var.door_image == "" ? [] : [local.door], [local.collector]))

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  dynamic "ephemeral_storage" {
    for_each = local.on_ec2 ? [] : [var.disk_gib]
    content {
      size_in_gib = ephemeral_storage.value
    }
  }

  dynamic "volume" {
    for_each = toset(concat(keys(local.writable), var.door_image == "" ? [] : ["door-tmp"]))
    content {
      name = volume.value
    }
  }

  dynamic "volume" {
    for_each = var.models == null ? [] : [var.models]
    content {
      name = "models"
      efs_volume_configuration {
        file_system_id     = volume.value.file_system_id
        transit_encryption = "ENABLED"
        authorization_config {
          access_point_id = volume.value.access_point_id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_service_discovery_service" "main" {
  name        = var.service
  description = "Nodes of ${local.family}"

  dns_config {
    namespace_id   = var.namespace_id
    routing_policy = "MULTIVALUE"
    dns_records {
      type = "A"
      ttl  = 5
    }
  }
}

resource "aws_ecs_service" "main" {
  name                               = local.family
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.main.arn
  desired_count                      = var.count_min
  platform_version                   = local.on_ec2 ? null : "LATEST"
  enable_execute_command             = var.exec_enabled
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 300
  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100
  availability_zone_rebalancing      = local.on_ec2 ? null : "ENABLED"

  # A version that does not get well is taken back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.capacity
    content {
      capacity_provider = capacity_provider_strategy.value.provider
      base              = capacity_provider_strategy.value.base
      weight            = capacity_provider_strategy.value.weight
    }
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]
    content {
      target_group_arn = load_balancer.value
      container_name   = var.door_image == "" ? "node" : "door"
      container_port   = 8000
    }
  }

  service_registries {
    registry_arn = aws_service_discovery_service.main.arn
  }

  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.start, aws_iam_role_policy.node]
}

# Growth

resource "aws_appautoscaling_target" "main" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${aws_ecs_service.main.name}"
  min_capacity       = var.count_min
  max_capacity       = var.count_max
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${local.family}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 70
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "memory" {
  name               = "${local.family}-memory"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 80
    scale_in_cooldown  = 600
    scale_out_cooldown = 60
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageMemoryUtilization"
    }
  }
}

# Every node of the role says how much waits at it, so that the average is what waits per task.
resource "aws_appautoscaling_policy" "queue" {
  count              = var.queue_role == "" ? 0 : 1
  name               = "${local.family}-queue"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.queue_target
    scale_in_cooldown  = 300
    scale_out_cooldown = 30
    customized_metric_specification {
      namespace   = "RagEnabler/${var.name}"
      metric_name = "rag_enabler_queue_depth"
      statistic   = "Average"
      dimensions {
        name  = "role"
        value = var.queue_role
      }
    }
  }
}

# Outside working hours fewer are kept ready.
resource "aws_appautoscaling_scheduled_action" "evening" {
  count              = var.count_min_night == null ? 0 : 1
  name               = "${local.family}-evening"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id
  schedule           = "cron(0 20 * * ? *)"
  timezone           = var.timezone

  scalable_target_action {
    min_capacity = var.count_min_night
    max_capacity = var.count_max
  }
}

resource "aws_appautoscaling_scheduled_action" "morning" {
  count              = var.count_min_night == null ? 0 : 1
  name               = "${local.family}-morning"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id
  schedule           = "cron(0 7 ? * MON-FRI *)"
  timezone           = var.timezone

  scalable_target_action {
    min_capacity = var.count_min
    max_capacity = var.count_max
  }
}
