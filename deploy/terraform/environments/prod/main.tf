# Two of everything at least, in two zones; answers are written on GPUs.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # Bucket and region come with `terraform init -backend-config=backend.hcl`.
  backend "s3" {
    key          = "rag-enabler/prod/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "rag-enabler"
      Environment = "prod"
      ManagedBy   = "terraform"
    }
  }
}

module "platform" {
  source      = "../../modules/platform"
  environment = "prod"

  # Where
  vpc_id                    = var.vpc_id
  endpoint_zones            = 3
  client_cidrs              = var.client_cidrs
  client_security_group_ids = var.client_security_group_ids
  operator_cidrs            = var.operator_cidrs
  link_principals           = var.link_principals
  host                      = var.host
  zone_id                   = var.zone_id
  certificate_arn           = var.certificate_arn

  # Who
  jwks_url        = var.jwks_url
  jwt_issuer      = var.jwt_issuer
  jwt_audience    = var.jwt_audience
  extra_endpoints = var.extra_endpoints
  issuer_cidrs    = var.issuer_cidrs
  critical_emails = var.critical_emails
  warning_emails  = var.warning_emails

  # What
  image_tag   = var.image_tag
  settings    = var.settings
  model       = "llama3-8b"
  shard_count = 16
  replicas    = 1

  # How much
  api        = { cpu = 2048, memory = 4096, count_min = 3, count_max = 20, count_min_night = 2 }
  documents  = { cpu = 2048, memory = 8192, disk_gib = 100, count_min = 3, count_max = 10 }
  ocr        = { cpu = 4096, memory = 16384, disk_gib = 50, count_min = 2, count_max = 20, count_min_night = 1 }
  embedding  = { cpu = 4096, memory = 16384, count_min = 2, count_max = 10, count_min_night = 1 }
  generation = { cpu = 3584, memory = 14336, gpus = 1, count_min = 2, count_max = 10, count_min_night = 1 }
  redis      = { node_type = "cache.r7g.large", shards = 1, replicas = 1, snapshot_days = 7 }
  budget_usd = 2500

  # How long, how strict
  undo_days                = 7
  log_days                 = 365
  firewall_rate_per_minute = 600
  exec_enabled             = false
  protected                = true
}
