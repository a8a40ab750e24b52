# A whole platform: what `environments/` differ in is size alone.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_vpc" "main" {
  id = var.vpc_id
}

# Private subnets carry the tag Type=private, as in every VPC of the account.
data "aws_subnets" "private" {
  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }
  tags = var.subnet_tags
}

data "aws_subnet" "private" {
  for_each = toset(data.aws_subnets.private.ids)
  id       = each.value
}

data "aws_route_tables" "private" {
  vpc_id = var.vpc_id
  filter {
    name   = "association.subnet-id"
    values = data.aws_subnets.private.ids
  }
}

locals {
  name       = "${var.project}-${var.environment}"
  subnet_ids = sort(data.aws_subnets.private.ids)
  prefix     = "store"
  gpu        = var.generation.gpus > 0

  inside_cidrs = distinct(concat([data.aws_vpc.main.cidr_block], var.client_cidrs))

  # Only these nodes load models.
  services = {
    api = {
      roles    = ["api", "rules"]
      size     = var.api
      models   = false
      door     = true
      capacity = [{ provider = "FARGATE", base = 1, weight = 1 }]
      queue    = ""
      target   = 0
    }
    documents = {
      roles    = ["documents", "rules"]
      size     = var.documents
      models   = false
      door     = false
      capacity = [{ provider = "FARGATE", base = 1, weight = 1 }]
      queue    = ""
      target   = 0
    }
    # Work that another node takes over when its machine is taken back.
    ocr = {
      roles    = ["ocr"]
      size     = var.ocr
      models   = false
      door     = false
      capacity = [{ provider = "FARGATE_SPOT", base = 0, weight = 1 }]
      queue    = "ocr"
      target   = 20
    }
    embedding = {
      roles    = ["embedding"]
      size     = var.embedding
      models   = true
      door     = false
      capacity = [{ provider = "FARGATE_SPOT", base = 0, weight = 1 }]
      queue    = "embedding"
      target   = 50
    }
    generation = {
      roles    = ["generation"]
      size     = var.generation
      models   = true
      door     = false
      capacity = local.gpu ? [{ provider = module.cluster.gpu_capacity_provider, base = 0, weight = 1 }] : [{ provider = "FARGATE", base = 0, weight = 1 }]
      queue    = "generation"
      target   = 4
    }
  }

  settings = merge({
    RAG_ENABLER_STORAGE_URL           = "s3://${module.storage.data_bucket}/${local.prefix}"
    RAG_ENABLER_STORAGE_SHARD_COUNT   = tostring(var.shard_count)
    RAG_ENABLER_CACHE_URL             = module.cache.url
    RAG_ENABLER_CLUSTER_SEEDS         = join(",", [for service in sort(keys(local.services)) : "${service}.${module.cluster.namespace}:7700"])
    RAG_ENABLER_CLUSTER_REPLICAS      = tostring(var.replicas)
    RAG_ENABLER_RETENTION_DAYS        = tostring(var.retention_days)
    RAG_ENABLER_HTTP_RATE_PER_ADDRESS = tostring(var.rate_per_address)
    RAG_ENABLER_HTTP_RATE_PER_KEY     = tostring(var.rate_per_key)
    # The door beside the node, and the balancer in the private subnets.
    RAG_ENABLER_HTTP_TRUSTED_PROXIES = join(",", concat(["127.0.0.1/32"], [for one in local.subnet_ids : data.aws_subnet.private[one].cidr_block]))
    RAG_ENABLER_MODELS_GENERATION    = var.model
    RAG_ENABLER_LOG_FILTER           = var.log_filter
    # The collector beside each task.
    RAG_ENABLER_TELEMETRY_TRACES_ENDPOINT = "http://127.0.0.1:4318/v1/traces"
    }, var.jwks_url == "" ? {} : {
    RAG_ENABLER_AUTH_JWKS_URL = var.jwks_url
    RAG_ENABLER_AUTH_ISSUER   = var.jwt_issuer
    RAG_ENABLER_AUTH_AUDIENCE = var.jwt_audience
  }, var.settings)

  secrets = {
    RAG_ENABLER_KEY            = module.secrets.key_arn
    RAG_ENABLER_CACHE_PASSWORD = module.secrets.redis_arn
    NODE_AUTHORITY_PEM         = "${module.secrets.authority_arn}:authority_pem::"
    NODE_AUTHORITY_KEY         = "${module.secrets.authority_arn}:authority_key::"
    NODE_AUTHORITY_OLD_PEM     = "${module.secrets.authority_arn}:old_pem::"
  }
}

module "network" {
  source                    = "../network"
  name                      = local.name
  vpc_id                    = var.vpc_id
  route_table_ids           = data.aws_route_tables.private.ids
  endpoint_subnet_ids       = slice(local.subnet_ids, 0, min(var.endpoint_zones, length(local.subnet_ids)))
  client_cidrs              = var.client_cidrs
  client_security_group_ids = var.client_security_group_ids
  issuer_cidrs              = var.issuer_cidrs
  extra_endpoints           = var.extra_endpoints
  exec_enabled              = var.exec_enabled
}

module "storage" {
  source         = "../storage"
  name           = local.name
  s3_endpoint_id = module.network.s3_endpoint_id
  retention_days = var.retention_days
  undo_days      = var.undo_days
  log_days       = var.log_days
}

module "cache" {
  source            = "../cache"
  name              = local.name
  subnet_ids        = local.subnet_ids
  security_group_id = module.network.redis_security_group_id
  kms_key_arn       = module.storage.kms_key_arn
  node_type         = var.redis.node_type
  shards            = var.redis.shards
  replicas          = var.redis.replicas
  snapshot_days     = var.redis.snapshot_days
  log_days          = var.log_days
  apply_immediately = !var.protected
}

module "models" {
  source               = "../models"
  name                 = local.name
  subnet_ids           = local.subnet_ids
  copy_subnet_arn      = data.aws_subnet.private[local.subnet_ids[0]].arn
  security_group_id    = module.network.models_security_group_id
  security_group_arn   = module.network.models_security_group_arn
  kms_key_arn          = module.storage.kms_key_arn
  artifacts_bucket_arn = module.storage.artifacts_bucket_arn
  log_days             = var.log_days
}

module "registry" {
  source      = "../registry"
  name        = local.name
  kms_key_arn = module.storage.kms_key_arn
}

module "secrets" {
  source                = "../secrets"
  name                  = local.name
  kms_key_arn           = module.storage.kms_key_arn
  subnet_ids            = local.subnet_ids
  security_group_id     = module.network.rotation_security_group_id
  rotation_days         = var.rotation_days
  log_days              = var.log_days
  redis_first_password  = module.cache.first_password
  redis_host            = module.cache.host
  replication_group_id  = module.cache.replication_group_id
  replication_group_arn = module.cache.replication_group_arn
  cluster_name          = module.cluster.name
  cluster_arn           = module.cluster.arn
}

module "edge" {
  source            = "../edge"
  name              = local.name
  vpc_id            = var.vpc_id
  subnet_ids        = local.subnet_ids
  security_group_id = module.network.balancer_security_group_id
  certificate_arn   = var.certificate_arn
  host              = var.host
  zone_id           = var.zone_id
  logs_bucket       = module.storage.logs_bucket
  kms_key_arn       = module.storage.kms_key_arn
  log_days          = var.log_days
  protected         = var.protected
  rate_per_minute   = var.firewall_rate_per_minute
  countries         = var.countries
  inside_cidrs      = local.inside_cidrs
  operator_cidrs    = var.operator_cidrs
  link_principals   = var.link_principals
}

module "cluster" {
  source                    = "../cluster"
  name                      = local.name
  vpc_id                    = var.vpc_id
  subnet_ids                = local.subnet_ids
  nodes_security_group_id   = module.network.nodes_security_group_id
  kms_key_arn               = module.storage.kms_key_arn
  log_days                  = var.log_days
  gpu_count_max             = local.gpu ? var.generation.count_max : 0
  gpu_on_demand_base        = var.gpu.on_demand_base
  gpu_instance_type         = var.gpu.instance_type
  gpu_instance_alternatives = var.gpu.alternatives
}

module "service" {
  source   = "../service"
  for_each = local.services

  name                  = local.name
  service               = each.key
  roles                 = each.value.roles
  image                 = "${module.registry.repository_urls[each.value.size.gpus > 0 ? "node-gpu" : "node"]}:${var.image_tag}"
  door_image            = each.value.door ? "${module.registry.repository_urls["door"]}:${var.image_tag}" : ""
  cpu                   = each.value.size.cpu
  memory                = each.value.size.memory
  disk_gib              = each.value.size.disk_gib
  gpus                  = each.value.size.gpus
  capacity              = each.value.capacity
  count_min             = each.value.size.count_min
  count_max             = each.value.size.count_max
  count_min_night       = each.value.size.count_min_night
  timezone              = var.timezone
  queue_role            = each.value.queue
  queue_target          = each.value.target
  environment           = local.settings
  secrets               = local.secrets
  secret_arns           = [module.secrets.key_arn, module.secrets.redis_arn, module.secrets.authority_arn]
  repository_arns       = module.registry.repository_arns
  public_repository_arn = module.registry.public_arn
  kms_key_arn           = module.storage.kms_key_arn
  data_bucket_arn       = module.storage.data_bucket_arn
  data_prefix           = local.prefix
  models = each.value.models ? {
    file_system_id   = module.models.file_system_id
    file_system_arn  = module.models.file_system_arn
    access_point_id  = module.models.access_point_id
    access_point_arn = module.models.access_point_arn
  } : null
  collector = {
    image          = "${module.registry.public_prefix}/aws-observability/aws-otel-collector:${var.collector_tag}"
    config         = file("${path.module}/../../../telemetry/collector.aws.yaml")
    prometheus_url = module.watch.prometheus_url
    prometheus_arn = module.watch.prometheus_arn
  }
  target_group_arn  = each.value.door ? module.edge.target_group_arn : null
  cluster_arn       = module.cluster.arn
  cluster_name      = module.cluster.name
  namespace_id      = module.cluster.namespace_id
  subnet_ids        = local.subnet_ids
  security_group_id = module.network.nodes_security_group_id
  exec_enabled      = var.exec_enabled
  log_days          = var.log_days
}

module "watch" {
  source                 = "../watch"
  name                   = local.name
  environment            = var.environment
  kms_key_arn            = module.storage.kms_key_arn
  log_days               = var.log_days
  cluster_name           = module.cluster.name
  service_names          = [for service in sort(keys(local.services)) : "${local.name}-${service}"]
  log_groups             = { for service in keys(local.services) : service => module.service[service].log_group }
  balancer_suffix        = module.edge.balancer_suffix
  target_group_suffix    = module.edge.target_group_suffix
  web_acl_name           = module.edge.web_acl_name
  replication_group_id   = module.cache.replication_group_id
  file_system_id         = module.models.file_system_id
  models_gib_max         = var.models_gib_max
  rotation_function_name = module.secrets.function_name
  model                  = var.model
  alert_rules            = file("${path.module}/../../../telemetry/alerts.yml")
  critical_emails        = var.critical_emails
  warning_emails         = var.warning_emails
  budget_usd             = var.budget_usd
}
