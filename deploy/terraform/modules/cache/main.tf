# The Redis that all nodes share: answers, embeddings, OCR, sessions, and the counts of the limits. It holds nothing that
# cannot be made again, so that it forgets the oldest when it is full.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
}

locals {
  sharded = var.shards > 1
  # TLS always; the name of a sharded one stands for all of its nodes.
  address = local.sharded ? aws_elasticache_replication_group.main.configuration_endpoint_address : aws_elasticache_replication_group.main.primary_endpoint_address
}

resource "aws_elasticache_subnet_group" "main" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_elasticache_parameter_group" "main" {
  name        = var.name
  family      = "redis7"
  description = "A cache: the least recently used is forgotten"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }

  dynamic "parameter" {
    for_each = local.sharded ? ["yes"] : []
    content {
      name  = "cluster-enabled"
      value = parameter.value
    }
  }
}

# Only the first password: the rotation replaces it at once, and from then on knows it alone.
resource "random_password" "first" {
  length  = 64
  special = false
}

resource "aws_elasticache_replication_group" "main" {
  #checkov:skip=CKV2_AWS_50:Fail-over comes with the first replica (stage, prod); dev has none, and a cache that is gone costs time alone.
  replication_group_id = var.name
  description          = "The cache of ${var.name}"

  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.main.name
  subnet_group_name    = aws_elasticache_subnet_group.main.name
  security_group_ids   = [var.security_group_id]

  num_node_groups            = var.shards
  replicas_per_node_group    = var.replicas
  automatic_failover_enabled = var.replicas > 0
  multi_az_enabled           = var.replicas > 0

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = random_password.first.result
  auth_token_update_strategy = "ROTATE"

  snapshot_retention_limit   = var.snapshot_days
  snapshot_window            = "05:00-06:00"
  maintenance_window         = "mon:10:00-mon:12:00"
  auto_minor_version_upgrade = true
  apply_immediately          = var.apply_immediately

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.slow.name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }

  lifecycle {
    ignore_changes = [auth_token]
  }
}

resource "aws_cloudwatch_log_group" "slow" {
  #checkov:skip=CKV_AWS_338:What was slow a quarter ago helps nobody; how long it is kept is a setting.
  name              = "/rag-enabler/${var.name}/redis-slow"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}
