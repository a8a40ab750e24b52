# What a task must be, whatever its size: `terraform init && terraform test` in this folder. No account is needed.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_region" {
    defaults = { region = "sa-east-1" }
  }
}

variables {
  name                  = "rag-enabler-test"
  service               = "ocr"
  roles                 = ["ocr"]
  image                 = "registry/node:1"
  door_image            = ""
  cpu                   = 1024
  memory                = 4096
  disk_gib              = 30
  gpus                  = 0
  capacity              = [{ provider = "FARGATE_SPOT", base = 0, weight = 1 }]
  count_min             = 1
  count_max             = 5
  timezone              = "America/Sao_Paulo"
  queue_role            = "ocr"
  queue_target          = 20
  environment           = { RAG_ENABLER_STORAGE_URL = "s3://bucket/store" }
  secrets               = { RAG_ENABLER_KEY = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:key" }
  secret_arns           = ["arn:aws:secretsmanager:sa-east-1:123456789012:secret:key"]
  repository_arns       = ["arn:aws:ecr:sa-east-1:123456789012:repository/node"]
  public_repository_arn = "arn:aws:ecr:sa-east-1:123456789012:repository/public/*"
  kms_key_arn           = "arn:aws:kms:sa-east-1:123456789012:key/0"
  data_bucket_arn       = "arn:aws:s3:::bucket"
  data_prefix           = "store"
  collector = {
    image          = "registry/collector:1"
    config         = "{}"
    prometheus_url = "https://example.com/"
    prometheus_arn = "arn:aws:aps:sa-east-1:123456789012:workspace/w"
  }
  cluster_arn       = "arn:aws:ecs:sa-east-1:123456789012:cluster/c"
  cluster_name      = "c"
  namespace_id      = "ns-0"
  subnet_ids        = ["subnet-a", "subnet-b"]
  security_group_id = "sg-0"
  exec_enabled      = false
  log_days          = 30
}

run "a_worker_has_no_rights_and_time_to_leave" {
  command = plan

  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.main.container_definitions) :
      container.readonlyRootFilesystem && container.linuxParameters.capabilities.drop == ["ALL"]
    ])
    error_message = "Every container has a root that cannot be written, and no capabilities."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.main.container_definitions)[0].user == "10001:10001"
    error_message = "The node runs as the image's user, which owns its volumes."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.main.container_definitions)[0].stopTimeout > sum([
      for one in jsondecode(aws_ecs_task_definition.main.container_definitions)[0].environment : tonumber(one.value)
      if contains(["RAG_ENABLER_HTTP_SHUTDOWN_SECONDS_MAX", "RAG_ENABLER_CLUSTER_DRAIN_SECONDS"], one.name)
    ])
    error_message = "ECS waits longer than a node may take to finish requests and to hand its shards over."
  }

  assert {
    condition     = aws_ecs_task_definition.main.requires_compatibilities == toset(["FARGATE"]) && length(aws_appautoscaling_policy.queue) == 1
    error_message = "A worker runs on Fargate and grows with its queue."
  }
}

run "behind_the_balancer_stands_a_door" {
  command = plan

  variables {
    service          = "api"
    roles            = ["api", "rules"]
    door_image       = "registry/door:1"
    queue_role       = ""
    target_group_arn = "arn:aws:elasticloadbalancing:sa-east-1:123456789012:targetgroup/t/0"
  }

  assert {
    condition = one([
      for one in jsondecode(aws_ecs_task_definition.main.container_definitions)[0].environment : one.value
      if one.name == "RAG_ENABLER_HTTP_LISTEN"
    ]) == "127.0.0.1:8080"
    error_message = "With a door, the node itself is reached inside the task alone."
  }

  assert {
    condition     = one(aws_ecs_service.main.load_balancer).container_name == "door"
    error_message = "The balancer talks to the door, which speaks TLS."
  }
}

run "models_are_read_and_gpus_are_asked_for" {
  command = plan

  variables {
    service    = "generation"
    roles      = ["generation"]
    queue_role = "generation"
    gpus       = 1
    capacity   = [{ provider = "gpu", base = 0, weight = 1 }]
    models = {
      file_system_id   = "fs-0"
      file_system_arn  = "arn:aws:elasticfilesystem:sa-east-1:123456789012:file-system/fs-0"
      access_point_id  = "fsap-0"
      access_point_arn = "arn:aws:elasticfilesystem:sa-east-1:123456789012:access-point/fsap-0"
    }
  }

  assert {
    condition = alltrue([
      for mount in jsondecode(aws_ecs_task_definition.main.container_definitions)[0].mountPoints :
      mount.readOnly if mount.sourceVolume == "models"
    ])
    error_message = "A node never writes models."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.main.container_definitions)[0].resourceRequirements == [{ type = "GPU", value = "1" }]
    error_message = "ECS places the task where a GPU is free."
  }

  assert {
    condition     = aws_ecs_task_definition.main.requires_compatibilities == toset(["EC2"])
    error_message = "Fargate has no GPUs."
  }
}
