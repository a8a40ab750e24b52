# Who may talk to whom: clients -> 443 balancer -> 8000 nodes -> 6379 Redis, 2049 EFS, 7700 other nodes. Everything else of
# AWS is reached through endpoints inside the VPC, so that no route to the internet is needed.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_region" "current" {}

locals {
  # What nodes, their collectors and the rotation of secrets call. `extra_endpoints` adds an issuer of tokens, for one.
  interface_endpoints = toset(concat([
    "aps-workspaces",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticache",
    "elasticfilesystem",
    "kms",
    "logs",
    "monitoring",
    "secretsmanager",
    "sts",
    "xray",
  ], var.exec_enabled ? ["ssm", "ssmmessages"] : [], var.extra_endpoints))
}

# Security groups

resource "aws_security_group" "balancer" {
  #checkov:skip=CKV2_AWS_5:Attached to the balancer in the module edge.
  name        = "${var.name}-balancer"
  description = "The internal balancer: 443 from the applications that may ask"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-balancer" }
}

resource "aws_security_group" "nodes" {
  #checkov:skip=CKV2_AWS_5:Attached to the services in the module service.
  name        = "${var.name}-nodes"
  description = "The nodes: 8000 from the balancer, 7700 from each other"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-nodes" }
}

resource "aws_security_group" "redis" {
  #checkov:skip=CKV2_AWS_5:Attached to the cache in the module cache.
  name        = "${var.name}-redis"
  description = "The Redis: 6379 from the nodes"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-redis" }
}

resource "aws_security_group" "models" {
  #checkov:skip=CKV2_AWS_5:Attached to the mount targets in the module models.
  name        = "${var.name}-models"
  description = "The models on EFS: 2049 from the nodes"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-models" }
}

resource "aws_security_group" "rotation" {
  #checkov:skip=CKV2_AWS_5:Attached to the rotation function in the module secrets.
  name        = "${var.name}-rotation"
  description = "The function that rotates secrets: endpoints and the Redis"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-rotation" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "The VPC endpoints: 443 from nodes and rotation"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-endpoints" }
}

# 443 -> balancer

resource "aws_vpc_security_group_ingress_rule" "balancer_from_networks" {
  for_each          = toset(var.client_cidrs)
  security_group_id = aws_security_group.balancer.id
  description       = "The API from ${each.value}"
  cidr_ipv4         = each.value
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "balancer_from_applications" {
  for_each                     = toset(var.client_security_group_ids)
  security_group_id            = aws_security_group.balancer.id
  description                  = "The API from an application"
  referenced_security_group_id = each.value
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

# PrivateLink's own balancer carries the same group and hands on to this one.
resource "aws_vpc_security_group_ingress_rule" "balancer_from_link" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The API by PrivateLink"
  referenced_security_group_id = aws_security_group.balancer.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "link_to_balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The API by PrivateLink"
  referenced_security_group_id = aws_security_group.balancer.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

# balancer -> 8000 nodes

resource "aws_vpc_security_group_egress_rule" "balancer_to_nodes" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The nodes' TLS door"
  referenced_security_group_id = aws_security_group.nodes.id
  from_port                    = 8000
  to_port                      = 8000
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_balancer" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "The API from the balancer"
  referenced_security_group_id = aws_security_group.balancer.id
  from_port                    = 8000
  to_port                      = 8000
  ip_protocol                  = "tcp"
}

# nodes <-> 7700 nodes

resource "aws_vpc_security_group_ingress_rule" "nodes_from_nodes" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "Links between nodes"
  referenced_security_group_id = aws_security_group.nodes.id
  from_port                    = 7700
  to_port                      = 7700
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_nodes" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "Links between nodes"
  referenced_security_group_id = aws_security_group.nodes.id
  from_port                    = 7700
  to_port                      = 7700
  ip_protocol                  = "tcp"
}

# nodes -> 6379 Redis

resource "aws_vpc_security_group_egress_rule" "nodes_to_redis" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "The shared cache"
  referenced_security_group_id = aws_security_group.redis.id
  from_port                    = 6379
  to_port                      = 6379
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "redis_from_nodes" {
  security_group_id            = aws_security_group.redis.id
  description                  = "The nodes"
  referenced_security_group_id = aws_security_group.nodes.id
  from_port                    = 6379
  to_port                      = 6379
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "redis_from_rotation" {
  security_group_id            = aws_security_group.redis.id
  description                  = "A new password is tried before it is given out"
  referenced_security_group_id = aws_security_group.rotation.id
  from_port                    = 6379
  to_port                      = 6379
  ip_protocol                  = "tcp"
}

# nodes -> 2049 models

resource "aws_vpc_security_group_egress_rule" "nodes_to_models" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "The models"
  referenced_security_group_id = aws_security_group.models.id
  from_port                    = 2049
  to_port                      = 2049
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "models_from_nodes" {
  security_group_id            = aws_security_group.models.id
  description                  = "The nodes"
  referenced_security_group_id = aws_security_group.nodes.id
  from_port                    = 2049
  to_port                      = 2049
  ip_protocol                  = "tcp"
}

# DataSync's network interfaces carry the models' own group, and so need it open to itself.
resource "aws_vpc_security_group_ingress_rule" "models_from_models" {
  security_group_id            = aws_security_group.models.id
  description                  = "DataSync fills the file system"
  referenced_security_group_id = aws_security_group.models.id
  from_port                    = 2049
  to_port                      = 2049
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "models_to_models" {
  security_group_id            = aws_security_group.models.id
  description                  = "DataSync fills the file system"
  referenced_security_group_id = aws_security_group.models.id
  from_port                    = 2049
  to_port                      = 2049
  ip_protocol                  = "tcp"
}

# nodes, rotation -> 443 endpoints and S3

resource "aws_vpc_security_group_ingress_rule" "endpoints_from" {
  for_each = {
    nodes    = aws_security_group.nodes.id
    rotation = aws_security_group.rotation.id
  }
  security_group_id            = aws_security_group.endpoints.id
  description                  = "AWS for ${each.key}"
  referenced_security_group_id = each.value
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  for_each = {
    nodes    = aws_security_group.nodes.id
    rotation = aws_security_group.rotation.id
  }
  security_group_id            = each.value
  description                  = "AWS by endpoints in the VPC"
  referenced_security_group_id = aws_security_group.endpoints.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "rotation_to_redis" {
  security_group_id            = aws_security_group.rotation.id
  description                  = "A new password is tried before it is given out"
  referenced_security_group_id = aws_security_group.redis.id
  from_port                    = 6379
  to_port                      = 6379
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_s3" {
  security_group_id = aws_security_group.nodes.id
  description       = "The object store and image layers, by the gateway endpoint"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

# Only where tokens come from an issuer that no endpoint stands for.
resource "aws_vpc_security_group_egress_rule" "nodes_to_issuer" {
  for_each          = toset(var.issuer_cidrs)
  security_group_id = aws_security_group.nodes.id
  description       = "The issuer of tokens"
  cidr_ipv4         = each.value
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

# Endpoints

# The bucket's layers of images belong to AWS, so that "this account alone" cannot be said of all of them.
data "aws_iam_policy_document" "s3_endpoint" {
  #checkov:skip=CKV_AWS_283:The policy of an endpoint, not of a bucket: it narrows what the VPC may reach, and gives nobody a right.
  statement {
    sid       = "OwnBuckets"
    actions   = ["s3:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
  statement {
    sid       = "ImageLayers"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::prod-${data.aws_region.current.region}-starport-layer-bucket/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

data "aws_caller_identity" "current" {}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
  policy            = data.aws_iam_policy_document.s3_endpoint.json
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.interface_endpoints
  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.endpoint_subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = { Name = "${var.name}-${each.value}" }
}
